//! One decoder for each of the streams that a packet holds.

use super::framing::{Frames, MAX_SAMPLES};
use opus_pure::OpusDecoder;

/// The decoders of all streams.
pub(super) struct Streams(Vec<Stream>);

struct Stream {
    decoder: OpusDecoder,
    channels: usize,
    /// Its part of the packet at hand, interleaved.
    samples: Vec<f32>,
    /// One frame as a packet of its own.
    packet: Vec<u8>,
}

impl Streams {
    /// `count` streams, of which the first `coupled` are stereo. `None` if the decoder refuses.
    pub(super) fn new(count: usize, coupled: usize) -> Option<Self> {
        (0..count)
            .map(|index| Stream::new(if index < coupled { 2 } else { 1 }))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Decodes a packet to so many samples per channel; `None` if it is malformed.
    pub(super) fn decode(&mut self, packet: &[u8]) -> Option<usize> {
        let mut rest = packet;
        let mut duration = None;
        let count = self.0.len();
        for (index, stream) in self.0.iter_mut().enumerate() {
            let frames = Frames::parse(rest, index + 1 < count)?;
            rest = frames.rest;
            let samples = stream.decode(&frames)?;
            // All streams of a packet are equally long (RFC 7845 §3).
            if *duration.get_or_insert(samples) != samples {
                return None;
            }
        }
        duration
    }

    /// The samples of a channel of the last packet, counted over all streams: every so many of these.
    pub(super) fn channel(&self, index: usize) -> Option<(&[f32], usize)> {
        let mut first = 0;
        self.0.iter().find_map(|stream| {
            let here = index.checked_sub(first).filter(|it| *it < stream.channels);
            first += stream.channels;
            here.map(|it| (&stream.samples[it..], stream.channels))
        })
    }
}

impl Stream {
    fn new(channels: usize) -> Option<Self> {
        let decoder = OpusDecoder::new(super::RATE.cast_signed(), channels).ok()?;
        Some(Self { decoder, channels, samples: vec![0.0; MAX_SAMPLES * channels], packet: Vec::new() })
    }

    /// Frame by frame, because what follows from an empty one follows for that one alone.
    fn decode(&mut self, frames: &Frames<'_>) -> Option<usize> {
        let mut at = 0;
        for frame in frames.iter() {
            let room = &mut self.samples[at * self.channels..(at + frames.samples) * self.channels];
            self.packet.clear();
            // A frame of one byte or none was not sent: there is nothing to hear, or the encoder ran out of room. It is
            // made up from what came before (RFC 6716 §3.2.1), which the decoder does when it is given no packet at all.
            if frame.len() > 1 {
                self.packet.push(frames.header);
                self.packet.extend_from_slice(frame);
            }
            let decoded = self.decoder.decode(&self.packet, frames.samples, room).ok()?;
            at += decoded.min(frames.samples);
        }
        (at == frames.iter().count() * frames.samples).then_some(at)
    }
}
