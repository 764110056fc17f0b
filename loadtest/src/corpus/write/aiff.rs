//! AIFF (Apple 1.3, 1989) and AIFC (draft 1991).

use super::id3::id3;
use super::{Tags, chunk};
use crate::corpus::pcm::{Order, Pcm};

/// An AIFF file. Tags go into an `ID3 ` chunk behind the samples, where players look for them.
pub(crate) fn aiff(pcm: &Pcm, tags: &Tags) -> Vec<u8> {
    let mut body = b"AIFF".to_vec();
    chunk(&mut body, b"COMM", &common(pcm), u32::to_be_bytes);
    finish(body, pcm, tags, Order::BigEndian)
}

/// An AIFC file: of the `sowt` kind, as Mac OS X writes, for 16 bits; of the kind `NONE` for more, since readers take `sowt` for 16 bits
/// whatever the file says.
pub(crate) fn aifc(pcm: &Pcm, tags: &Tags) -> Vec<u8> {
    let (kind, order) =
        if pcm.layout.bits == 16 { (b"sowt", Order::LittleEndian) } else { (b"NONE", Order::BigEndian) };
    let mut body = b"AIFC".to_vec();
    // The one version of AIFC there is: 23 May 1990.
    chunk(&mut body, b"FVER", &0xA280_5140_u32.to_be_bytes(), u32::to_be_bytes);
    let mut common = common(pcm);
    common.extend_from_slice(kind);
    // The compression's name: a length and as many letters, none here, padded to an even size.
    common.extend_from_slice(&[0, 0]);
    chunk(&mut body, b"COMM", &common, u32::to_be_bytes);
    finish(body, pcm, tags, order)
}

fn common(pcm: &Pcm) -> Vec<u8> {
    let mut common = Vec::with_capacity(24);
    common.extend_from_slice(&pcm.layout.channels.to_be_bytes());
    common.extend_from_slice(&(pcm.frames() as u32).to_be_bytes());
    common.extend_from_slice(&pcm.layout.bits.to_be_bytes());
    common.extend_from_slice(&extended(pcm.layout.rate));
    common
}

fn finish(mut body: Vec<u8>, pcm: &Pcm, tags: &Tags, order: Order) -> Vec<u8> {
    // Offset and block size, both 0: the samples follow at once.
    let mut sound = vec![0; 8];
    sound.extend_from_slice(&pcm.bytes(order));
    chunk(&mut body, b"SSND", &sound, u32::to_be_bytes);
    if *tags != Tags::default() {
        chunk(&mut body, b"ID3 ", &id3(tags), u32::to_be_bytes);
    }
    let mut file = Vec::with_capacity(body.len() + 8);
    chunk(&mut file, b"FORM", &body, u32::to_be_bytes);
    file
}

/// A whole number above 0 as the 80-bit extended float of the 68881: 15 bits of exponent, 64 of mantissa with its leading 1.
fn extended(number: u32) -> [u8; 10] {
    let shift = u64::from(number).leading_zeros();
    let exponent = (16_383 + 63 - shift) as u16;
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&exponent.to_be_bytes());
    bytes[2..].copy_from_slice(&(u64::from(number) << shift).to_be_bytes());
    bytes
}
