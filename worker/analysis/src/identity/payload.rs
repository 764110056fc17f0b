//! The hash of the audio payload.

use super::{BYTES, Identity};
use crate::open::{CodecTraits, Excess, Extent};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::packet::Packet;

/// Names this way of hashing, so that another one cannot collide with it.
const DOMAIN: &[u8] = b"audio payload 1";
/// Packets are gathered up to here before they are hashed: BLAKE3 hashes 16 chunks of 1 KiB at once if it gets them at once,
/// and packets are a few hundred bytes.
const GATHER: usize = 64 * 1024;

/// Whether the container says what is cut off its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trimming {
    None,
    /// Of the few that are cut.
    Some,
    /// Of each.
    Every,
}

/// Hashes what makes a piece of audio sound as it does, and nothing else.
pub(crate) struct Payload {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
    /// How packets of the current stream go in.
    stream: Stream,
}

#[derive(Clone, Copy)]
enum Stream {
    /// As one run of samples, since packets of PCM are cut at will.
    Samples,
    /// Each with its length in front.
    Packets,
    /// The same, and with what the container cuts off each.
    TrimmedPackets,
    /// The same, and behind those that are cut what is cut off their end.
    PaddedPackets,
}

impl Payload {
    pub(crate) fn new() -> Self {
        let mut payload = Self {
            hasher: blake3::Hasher::new(),
            gathered: Vec::with_capacity(GATHER),
            stream: Stream::Packets,
        };
        payload.put(DOMAIN);
        payload
    }

    /// Begins a stream: its container, codec and parameters, and what is cut off its ends.
    pub(crate) fn begin(
        &mut self,
        container: &str,
        codec: CodecTraits,
        parameters: &AudioCodecParameters,
        extent: &Extent,
        trimming: Trimming,
    ) {
        self.stream = match (codec.pcm, trimming) {
            (true, _) => Stream::Samples,
            (false, Trimming::Every) => Stream::TrimmedPackets,
            (false, Trimming::Some) => Stream::PaddedPackets,
            (false, Trimming::None) => Stream::Packets,
        };
        let rate = parameters.sample_rate.unwrap_or(0);
        let channels = parameters.channels.as_ref().map_or(0, |it| it.count()) as u64;
        let total =
            extent.total.filter(|_| extent.excess != Excess::Keep).map_or(u64::MAX, |it| it.in_frames(rate));
        for text in [
            container.as_bytes(),
            codec.name.as_bytes(),
            parameters.extra_data.as_deref().unwrap_or_default(),
        ] {
            self.put(&(text.len() as u64).to_le_bytes());
            self.put(text);
        }
        let bits = u64::from(parameters.bits_per_sample.unwrap_or(0));
        for number in [u64::from(rate), channels, bits, extent.skip.in_frames(rate), total] {
            self.put(&number.to_le_bytes());
        }
    }

    pub(crate) fn packet(&mut self, packet: &Packet) {
        match self.stream {
            Stream::Samples => {}
            Stream::Packets | Stream::PaddedPackets => self.put(&(packet.data.len() as u64).to_le_bytes()),
            Stream::TrimmedPackets => {
                self.put(&(packet.data.len() as u64).to_le_bytes());
                self.put(&packet.trim_start.get().to_le_bytes());
                self.put(&packet.trim_end.get().to_le_bytes());
            }
        }
        self.put(&packet.data);
        if matches!(self.stream, Stream::PaddedPackets) && packet.trim_end.get() > 0 {
            self.put(&packet.trim_end.get().to_le_bytes());
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > GATHER {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
        if bytes.len() >= GATHER {
            self.hasher.update(bytes);
        } else {
            self.gathered.extend_from_slice(bytes);
        }
    }

    pub(crate) fn finish(mut self) -> Identity {
        self.hasher.update(&self.gathered);
        let mut bytes = [0; BYTES];
        self.hasher.finalize_xof().fill(&mut bytes);
        Identity(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::codec_traits;
    use proptest::prelude::*;
    use symphonia::core::codecs::audio::AudioCodecId;
    use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_PCM_S16LE};
    use symphonia::core::units::{Duration, Timestamp};

    fn identity(codec: AudioCodecId, rate: u32, packets: &[&[u8]]) -> Identity {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec).with_sample_rate(rate);
        let mut payload = Payload::new();
        payload.begin("wav", codec_traits(&parameters), &parameters, &Extent::default(), Trimming::None);
        for data in packets {
            payload.packet(&Packet::new(0, Timestamp::ZERO, Duration::ZERO, data.to_vec()));
        }
        payload.finish()
    }

    #[test]
    fn parameters_and_packets_count() {
        let base = identity(CODEC_ID_FLAC, 44_100, &[b"one", b"two"]);
        assert_eq!(base, identity(CODEC_ID_FLAC, 44_100, &[b"one", b"two"]));
        assert_ne!(base, identity(CODEC_ID_FLAC, 48_000, &[b"one", b"two"]));
        assert_ne!(base, identity(CODEC_ID_FLAC, 44_100, &[b"onet", b"wo"]));
        assert_ne!(base, identity(CODEC_ID_FLAC, 44_100, &[b"one", b"tvo"]));
        assert_ne!(base, identity(CODEC_ID_FLAC, 44_100, &[b"one"]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pcm_may_be_cut_anywhere(len in 1usize..200_000, size in 1usize..100_000) {
            let samples: Vec<u8> = (0..len).map(|it| ((it * it) >> 7) as u8).collect();
            let chunks: Vec<&[u8]> = samples.chunks(size).collect();
            prop_assert_eq!(
                identity(CODEC_ID_PCM_S16LE, 44_100, &[&samples]),
                identity(CODEC_ID_PCM_S16LE, 44_100, &chunks)
            );
        }
    }
}
