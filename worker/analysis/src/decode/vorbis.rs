//! Vorbis with more than two channels, by another decoder than that of the library.
//!
//! Surround streams couple a channel more than once, and the couplings must be undone from the last to the first (Vorbis I,
//! §4.3.5). `symphonia-codec-vorbis` 0.6.1 goes from the first to the last, which mixes the channels: up to 5 dB of true peak
//! too much, and no error. `lewton` does it right. A test in `tests/pass/vorbis.rs` fails once the library does, too; then this
//! file and the dependency can go. Mono and stereo have one coupling at most, and stay with the library, which is faster.

use lewton::audio::{PreviousWindowRight, read_audio_packet_generic};
use lewton::header::{IdentHeader, SetupHeader, read_header_ident, read_header_setup};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

const INFO: CodecInfo = CodecInfo { short_name: "vorbis", long_name: "Vorbis", profiles: &[] };
/// Bytes of the identification header (Vorbis I, §4.2.2); the setup header follows.
const IDENTIFICATION: usize = 30;
/// Channels up to here have places (Vorbis I, §4.3.9).
const MAX_PLACED: usize = 8;

/// Whether a stream with this configuration needs this decoder.
pub(super) fn is_surround(parameters: &AudioCodecParameters) -> bool {
    parameters.extra_data.as_deref().and_then(|it| it.get(11)).is_some_and(|channels| *channels > 2)
}

/// A decoder of Vorbis packets.
pub(super) struct Vorbis {
    parameters: AudioCodecParameters,
    identification: IdentHeader,
    setup: SetupHeader,
    previous: PreviousWindowRight,
    /// The plane that each channel belongs to.
    planes: Vec<usize>,
    decoded: AudioBuffer<f32>,
}

impl Vorbis {
    pub(super) fn new(parameters: &AudioCodecParameters) -> Result<Self> {
        let damaged = Error::DecodeError("it makes no sense");
        let extra = parameters.extra_data.as_deref().unwrap_or_default();
        let Some((identification, setup)) = extra.split_at_checked(IDENTIFICATION) else {
            return Err(damaged);
        };
        let Ok(identification) = read_header_ident(identification) else { return Err(damaged) };
        let sizes = (identification.blocksize_0, identification.blocksize_1);
        let Ok(setup) = read_header_setup(setup, identification.audio_channels, sizes) else {
            return Err(damaged);
        };
        let channels = usize::from(identification.audio_channels);
        let (planes, places) = places(channels);
        let spec = AudioSpec::new(identification.audio_sample_rate, places);
        let longest = 1 << identification.blocksize_1;
        Ok(Self {
            parameters: parameters.clone(),
            identification,
            setup,
            previous: PreviousWindowRight::new(),
            planes,
            decoded: AudioBuffer::new(spec, longest),
        })
    }
}

fn places(channels: usize) -> (Vec<usize>, Channels) {
    if channels > MAX_PLACED {
        return ((0..channels).collect(), Channels::Discrete(channels as u16));
    }
    // Opus took its orders of channels from Vorbis.
    let speakers = super::opus::speakers(channels);
    (super::opus::planes(speakers), Channels::Positioned(speakers.iter().copied().collect()))
}

impl AudioDecoder for Vorbis {
    fn reset(&mut self) {
        self.previous = PreviousWindowRight::new();
    }

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.decoded.clear();
        let channels: Vec<Vec<f32>> =
            read_audio_packet_generic(&self.identification, &self.setup, packet.data, &mut self.previous)
                .map_err(|_| Error::DecodeError("vorbis: a malformed packet"))?;
        let frames = channels.first().map_or(0, Vec::len);
        if frames > self.decoded.capacity() {
            return Err(Error::DecodeError("vorbis: a packet is too long"));
        }
        self.decoded.render_silence(Some(frames));
        for (samples, plane) in channels.iter().zip(&self.planes) {
            if let Some(target) = self.decoded.plane_mut(*plane) {
                target.iter_mut().zip(samples).for_each(|(to, sample)| *to = *sample);
            }
        }
        let trim = |ticks: u64| usize::try_from(ticks).unwrap_or(usize::MAX);
        self.decoded.trim(trim(packet.trim_start.get()), trim(packet.trim_end.get()));
        Ok(self.decoded.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.decoded.as_generic_audio_buffer_ref()
    }
}
