//! FLAC with more than 24 bits per sample (RFC 9639), which the library's decoder gets wrong: it predicts in 32 bits, and the
//! difference of two channels of 32 bits needs 33.

mod bits;
mod subframe;

use bits::Bits;
use subframe::subframe;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef, Position,
};
use symphonia::core::checksum::Md5;
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::io::Monitor;
use symphonia::core::packet::PacketRef;

const INFO: CodecInfo =
    CodecInfo { short_name: "flac", long_name: "Free Lossless Audio Codec", profiles: &[] };
/// What the library's decoder can do.
const MAX_OF_THE_LIBRARY: u32 = 24;

/// STREAMINFO (RFC 9639 §8.2), as far as it is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StreamInfo {
    longest_block: u16,
    rate: u32,
    channels: u16,
    bits: u32,
    md5: [u8; 16],
}

impl StreamInfo {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let packed = crate::open::be64(bytes, 10)?;
        Some(Self {
            longest_block: u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]),
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u16 + 1,
            bits: (packed >> 36 & 31) as u32 + 1,
            md5: bytes.get(18..34)?.try_into().ok()?,
        })
    }
}

/// Whether a stream with this configuration needs this decoder.
pub(super) fn is_wide(parameters: &AudioCodecParameters) -> bool {
    let info = parameters.extra_data.as_deref().and_then(StreamInfo::parse);
    info.is_some_and(|info| info.bits > MAX_OF_THE_LIBRARY)
}

/// A decoder of FLAC frames.
pub(super) struct WideFlac {
    parameters: AudioCodecParameters,
    info: StreamInfo,
    /// Of all samples so far, where they are held to the checksum of the stream.
    md5: Option<Md5>,
    /// Samples of each channel of the frame at hand.
    samples: Vec<Vec<i64>>,
    interleaved: Vec<u8>,
    decoded: AudioBuffer<i32>,
}

impl WideFlac {
    pub(super) fn new(parameters: &AudioCodecParameters, verifies: bool) -> Result<Self> {
        let info = parameters.extra_data.as_deref().and_then(StreamInfo::parse);
        let info = info.ok_or(Error::DecodeError("flac: no stream information"))?;
        let mut parameters = parameters.clone();
        parameters.with_bits_per_sample(info.bits);
        let spec = AudioSpec::new(info.rate, places(info.channels));
        Ok(Self {
            parameters,
            md5: (verifies && info.md5 != [0; 16]).then(Md5::default),
            samples: vec![Vec::new(); usize::from(info.channels)],
            interleaved: Vec::new(),
            decoded: AudioBuffer::new(spec, usize::from(info.longest_block)),
            info,
        })
    }

    /// Decodes the frame into `samples`; `None` if it makes no sense.
    fn frame(&mut self, data: &[u8]) -> Option<usize> {
        let mut bits = Bits::new(data);
        let header = Header::parse(&mut bits, &self.info)?;
        if header.frames > usize::from(self.info.longest_block) || header.channels != self.samples.len() {
            return None;
        }
        for (channel, samples) in self.samples.iter_mut().enumerate() {
            // The difference of two channels needs one bit more.
            let extra = u32::from(header.difference == Some(channel));
            subframe(&mut bits, header.bits + extra, header.frames, samples)?;
        }
        header.undo(&mut self.samples);
        Some(header.frames)
    }

    /// Adds the frame to the sum of all, as the encoder did: interleaved and little-endian (RFC 9639 §8.2).
    fn sum(&mut self, frames: usize) {
        let Some(md5) = &mut self.md5 else { return };
        let bytes = self.info.bits.div_ceil(8) as usize;
        self.interleaved.clear();
        for frame in 0..frames {
            for samples in &self.samples {
                self.interleaved.extend(&samples[frame].to_le_bytes()[..bytes]);
            }
        }
        md5.process_buf_bytes(&self.interleaved);
    }
}

/// Speakers by the number of channels (RFC 9639 §9.1.3).
fn places(channels: u16) -> Channels {
    use Position as P;
    let front = P::FRONT_LEFT | P::FRONT_RIGHT;
    let rear = P::REAR_LEFT | P::REAR_RIGHT;
    let side = P::SIDE_LEFT | P::SIDE_RIGHT;
    Channels::Positioned(match channels {
        1 => P::FRONT_LEFT,
        2 => front,
        3 => front | P::FRONT_CENTER,
        4 => front | rear,
        5 => front | P::FRONT_CENTER | rear,
        6 => front | P::FRONT_CENTER | P::LFE1 | rear,
        7 => front | P::FRONT_CENTER | P::LFE1 | P::REAR_CENTER | side,
        _ => front | P::FRONT_CENTER | P::LFE1 | rear | side,
    })
}

/// Header of a frame (RFC 9639 §9.1).
struct Header {
    frames: usize,
    channels: usize,
    bits: u32,
    assignment: u64,
    /// The channel that holds a difference.
    difference: Option<usize>,
}

const LEFT_SIDE: u64 = 8;
const SIDE_RIGHT: u64 = 9;
const MID_SIDE: u64 = 10;

impl Header {
    fn parse(bits: &mut Bits<'_>, info: &StreamInfo) -> Option<Self> {
        if bits.take(15)? != 0x7ffc {
            return None;
        }
        bits.take(1)?;
        let (size, rate) = (bits.take(4)?, bits.take(4)?);
        let (assignment, depth) = (bits.take(4)?, bits.take(3)?);
        bits.take(1)?;
        // The number of the frame, in the manner of UTF-8.
        let first = bits.take(8)? as u8;
        let more = first.leading_ones();
        (1..more).try_for_each(|_| bits.take(8).map(drop))?;
        let frames = match size {
            1 => 192,
            2..=5 => 144 << size,
            6 => bits.take(8)? + 1,
            7 => bits.take(16)? + 1,
            8.. => 1 << size,
            _ => return None,
        };
        match rate {
            12 => drop(bits.take(8)?),
            13 | 14 => drop(bits.take(16)?),
            _ => {}
        }
        // The checksum of the header, which the demuxer has checked.
        bits.take(8)?;
        let difference = match assignment {
            LEFT_SIDE | MID_SIDE => Some(1),
            SIDE_RIGHT => Some(0),
            _ => None,
        };
        let channels = match assignment {
            0..=7 => assignment as usize + 1,
            LEFT_SIDE..=MID_SIDE => 2,
            _ => return None,
        };
        let depth = [0, 8, 12, 0, 16, 20, 24, 32][depth as usize];
        let bits = if depth == 0 { info.bits } else { depth };
        Some(Self { frames: frames as usize, channels, bits, assignment, difference })
    }

    /// Makes left and right of a channel and a difference.
    fn undo(&self, samples: &mut [Vec<i64>]) {
        let [first, second] = samples else { return };
        for (first, second) in first.iter_mut().zip(second) {
            match self.assignment {
                LEFT_SIDE => *second = *first - *second,
                SIDE_RIGHT => *first += *second,
                MID_SIDE => {
                    let mid = *first << 1 | *second & 1;
                    let side = *second;
                    (*first, *second) = ((mid + side) >> 1, (mid - side) >> 1);
                }
                _ => return,
            }
        }
    }
}

impl AudioDecoder for WideFlac {
    fn reset(&mut self) {}

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.decoded.clear();
        let frames = self.frame(packet.data).ok_or(Error::DecodeError("flac: a malformed frame"))?;
        self.sum(frames);
        self.decoded.render_silence(Some(frames));
        let shift = 32 - self.info.bits;
        for (channel, samples) in self.samples.iter().enumerate() {
            if let Some(plane) = self.decoded.plane_mut(channel) {
                plane.iter_mut().zip(samples).for_each(|(to, sample)| *to = (*sample << shift) as i32);
            }
        }
        Ok(self.decoded.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult { verify_ok: self.md5.as_ref().map(|md5| md5.md5() == self.info.md5) }
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.decoded.as_generic_audio_buffer_ref()
    }
}
