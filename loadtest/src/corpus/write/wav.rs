//! RIFF WAVE (Multimedia Programming Interface and Data Specifications 1.0, 1991).

use super::{Tags, chunk};
use crate::corpus::pcm::{Order, Pcm};

/// A WAV file. Tags go into a LIST INFO chunk in front of the samples.
pub(crate) fn wav(pcm: &Pcm, tags: &Tags) -> Vec<u8> {
    let layout = pcm.layout;
    let block = layout.bytes_per_frame() as u16;
    let mut format = Vec::with_capacity(16);
    format.extend_from_slice(&1_u16.to_le_bytes());
    format.extend_from_slice(&layout.channels.to_le_bytes());
    format.extend_from_slice(&layout.rate.to_le_bytes());
    format.extend_from_slice(&(layout.rate * u32::from(block)).to_le_bytes());
    format.extend_from_slice(&block.to_le_bytes());
    format.extend_from_slice(&layout.bits.to_le_bytes());

    let mut body = b"WAVE".to_vec();
    chunk(&mut body, b"fmt ", &format, u32::to_le_bytes);
    let info = info(tags);
    if !info.is_empty() {
        chunk(&mut body, b"LIST", &info, u32::to_le_bytes);
    }
    chunk(&mut body, b"data", &pcm.bytes(Order::LittleEndian), u32::to_le_bytes);
    let mut file = Vec::with_capacity(body.len() + 8);
    chunk(&mut file, b"RIFF", &body, u32::to_le_bytes);
    file
}

fn info(tags: &Tags) -> Vec<u8> {
    let mut list = b"INFO".to_vec();
    for (id, text) in
        [(b"INAM", &tags.title), (b"IART", &tags.artist), (b"IPRD", &tags.album), (b"IGNR", &tags.genre)]
    {
        if !text.is_empty() {
            let mut text = text.clone().into_bytes();
            text.push(0);
            chunk(&mut list, id, &text, u32::to_le_bytes);
        }
    }
    if list.len() == 4 { Vec::new() } else { list }
}
