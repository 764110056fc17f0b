//! libav's decoders behind the interface of the others. `no_libav.rs` stands in for it in a build without them.

use super::aac_variant;
use crate::Error;
use crate::open::{Kind, adts_config, codec_traits};
use crate::source::Stream;
use std::sync::Arc;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, Audio, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
    Position,
};
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::packet::Packet;

/// What libav must know of a stream that libav itself has opened.
pub(crate) type Native = Arc<libav::Parameters>;

/// A decoder, and what came of the last packet.
pub(super) struct Libav {
    decoder: libav::Decoder,
    samples: libav::Samples,
    decoded: AudioBuffer<f32>,
    /// Bits per sample as the container states them.
    bits: Option<u16>,
}

impl Libav {
    /// Makes the decoder of `codec`, as libav calls it, unless the stream brings libav's own parameters.
    pub(super) fn new(stream: &Stream, codec: &str) -> Result<Self, Error> {
        let tick = stream.tick.map_or((0, 1), |tick| (tick.numer.get(), tick.denom.get()));
        let parameters = match &stream.native {
            Some(native) => Ok(Arc::clone(native)),
            None => parameters(stream, codec).map(Arc::new),
        };
        let parameters = parameters.map_err(|error| refused(stream, error))?;
        let decoder = libav::Decoder::new(&parameters, tick).map_err(|error| refused(stream, error))?;
        let spec = AudioSpec::new(1, Channels::Discrete(1));
        Ok(Self {
            decoder,
            samples: libav::Samples::default(),
            decoded: AudioBuffer::new(spec, 0),
            bits: stream.native.as_ref().and_then(|native| native.bits()),
        })
    }

    pub(super) fn decode(&mut self, packet: &Packet) -> Result<(), DecodeError> {
        let skip = |frames: u64| u32::try_from(frames).unwrap_or(u32::MAX);
        let packet = libav::Packet {
            data: packet.data.clone(),
            timestamp: Some(packet.pts.get()),
            duration: packet.dur.get(),
            skip_start: skip(packet.trim_start.get()),
            skip_end: skip(packet.trim_end.get()),
        };
        let result = self.decoder.decode(&packet, &mut self.samples);
        self.take(result)
    }

    /// Has the decoder hand out what it kept until the end.
    pub(super) fn drain(&mut self) -> Result<(), DecodeError> {
        let result = self.decoder.drain(&mut self.samples);
        self.take(result)
    }

    /// Samples that came before a failure are worth having: then the failure shows as a gap.
    fn take(&mut self, result: Result<(), libav::Error>) -> Result<(), DecodeError> {
        self.decoded.clear();
        if let Err(error) = result {
            return Err(match error {
                libav::Error::Unsupported(_) => DecodeError::Unsupported("libav lacks what it needs"),
                libav::Error::Memory => DecodeError::LimitError("memory"),
                libav::Error::Invalid(_) => DecodeError::DecodeError("libav finds invalid data"),
            });
        }
        let (frames, Some(layout)) = (self.samples.frames(), self.samples.layout) else { return Ok(()) };
        let spec = AudioSpec::new(self.samples.rate, channels_of(layout));
        if *self.decoded.spec() != spec || self.decoded.capacity() < frames {
            self.decoded = AudioBuffer::new(spec, frames);
        }
        self.decoded.render_silence(Some(frames));
        for (channel, samples) in self.samples.planes.iter().enumerate() {
            if let Some(plane) = self.decoded.plane_mut(channel) {
                plane.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(())
    }

    pub(super) fn decoded(&self) -> GenericAudioBufferRef<'_> {
        self.decoded.as_generic_audio_buffer_ref()
    }

    /// Bits per sample as stored.
    pub(super) fn bits(&self) -> Option<u16> {
        self.decoder.bits().or(self.bits)
    }

    pub(super) fn profile(&self) -> Option<&'static str> {
        self.decoder.profile()
    }
}

/// Parameters of a stream that another demuxer found.
fn parameters(stream: &Stream, codec: &str) -> Result<libav::Parameters, libav::Error> {
    let known = &stream.parameters;
    let rate = known.sample_rate.unwrap_or(0);
    let channels = known.channels.as_ref().map_or(0, |channels| channels.count());
    let channels = u16::try_from(channels).unwrap_or(0);
    // Of these codecs AAC alone has a header of its own; MP4 has boxes for the others, which the packets repeat.
    let extra_data = match (known.codec, stream.kind) {
        (CODEC_ID_AAC, Kind::Adts) => adts_config(rate, channels),
        (CODEC_ID_AAC, _) => known.extra_data.as_deref().unwrap_or_default().to_vec(),
        _ => Vec::new(),
    };
    libav::Parameters::new(codec, rate, channels, &extra_data)
}

fn refused(stream: &Stream, error: libav::Error) -> Error {
    let name = match stream.parameters.codec {
        CODEC_ID_AAC => aac_variant(stream),
        _ => format!("codec {}", codec_traits(&stream.parameters).name),
    };
    let container = stream.kind.name();
    match error {
        libav::Error::Unsupported(what) => {
            let detail = format!("{name} in {container}: {} says: {what}", version());
            Error::Unsupported { detail }
        }
        libav::Error::Memory => Error::TooLarge { detail: format!("{name} in {container}: {error}") },
        libav::Error::Invalid(what) => {
            Error::Corrupt { detail: format!("the header of {name} in {container} is damaged: {what}") }
        }
    }
}

/// Where the channels belong, in the words of the other decoders: the numbers of the speakers are the same.
pub(crate) fn channels_of(layout: libav::Layout) -> Channels {
    let unknown = |count: usize| Channels::Discrete(u16::try_from(count).unwrap_or(u16::MAX));
    match layout {
        // As every player has it, and the other decoders.
        libav::Layout::Unknown(1) => Channels::Positioned(Position::FRONT_CENTER),
        libav::Layout::Unknown(2) => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
        libav::Layout::Unknown(count) => unknown(count),
        libav::Layout::Speakers(mask) => {
            Position::from_bits(mask).map_or_else(|| unknown(layout.channels()), Channels::Positioned)
        }
    }
}

/// Name and version of libav; empty without it.
pub(crate) fn version() -> String {
    libav::version()
}
