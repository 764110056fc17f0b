//! From packets to samples: the decoder and what its answers mean.

mod account;
mod assemble;
mod choice;
mod conform;
mod flac;
#[cfg_attr(not(feature = "libav"), path = "decode/no_libav.rs")]
mod libav;
mod mpeg;
mod opus;
mod vorbis;

pub(crate) use account::{Account, Judgement};
pub(crate) use assemble::Assembler;
pub(crate) use choice::needs_libav;
pub(crate) use conform::StreamFormat;
#[cfg(feature = "libav")]
pub(crate) use libav::channels_of;
pub(crate) use libav::{Native, version as libav_version};
pub(crate) use mpeg::FormatWatch;

use crate::Error;
use crate::guard::contain;
use crate::open::{AAC_LC, AacConfig, CodecTraits, Kind, codec_traits};
use crate::source::Stream;
use choice::Library;
use libav::Libav;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32BE,
    CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64BE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_MULAW, CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::packet::Packet;

/// A decoder for one stream.
pub(crate) struct Decoder {
    inner: Inner,
    library: Library,
    pub(crate) codec: CodecTraits,
    /// The decoder cuts off what the packet says.
    trims: bool,
    /// The decoder holds the samples to the checksum of the stream.
    verifies: bool,
    stream: Stream,
}

enum Inner {
    /// One of symphonia's, or one that looks like it.
    Symphonia(Box<dyn AudioDecoder>),
    Libav(Box<Libav>),
}

/// What became of a packet.
pub(crate) enum Decoded<'a> {
    Samples {
        buffer: GenericAudioBufferRef<'a>,
        /// Frames that the decoder cut off the start of the packet.
        trimmed: u64,
    },
    Failed {
        reason: String,
        /// The decoder lacks what the packet needs, so that the packet is not to blame.
        unsupported: bool,
    },
}

impl Decoder {
    /// Makes the decoder. Computing the checksum of all samples costs as much as a quarter of an analysis, so it `verifies` only
    /// where that is asked for.
    pub(crate) fn new(stream: Stream, verifies: bool) -> Result<Self, Error> {
        let library = Library::of(&stream);
        let parameters = &stream.parameters;
        let codec = codec_traits(parameters);
        // Of MPEG streams only the estimated length would be used for trimming, which cuts the end off streams whose bitrate
        // rises. Vorbis must have it: its first packet only primes the decoder, and the pages say where the last one ends.
        let trims = parameters.codec == CODEC_ID_VORBIS;
        let inner = match library {
            Library::Libav { codec } => Inner::Libav(Box::new(Libav::new(&stream, codec)?)),
            Library::Symphonia | Library::OpusPure | Library::Lewton => {
                let inner = make(library, parameters, trims, verifies);
                Inner::Symphonia(inner.map_err(|error| refused(stream.kind, codec, &stream, &error))?)
            }
        };
        Ok(Self { inner, library, codec, trims, verifies, stream })
    }

    /// Whether there is a decoder for the stream. That of AAC takes longer to make (its windows) than a small file takes to be
    /// read, and of the usual kind it is known to be there: so far nothing else is asked, and a stream that has some other
    /// oddity is refused when it is decoded.
    pub(crate) fn check(stream: Stream) -> Result<(), Error> {
        if Library::of(&stream) == Library::Symphonia && is_usual_aac(&stream.parameters) {
            return Ok(());
        }
        Self::new(stream, false).map(drop)
    }

    /// Name and version of the library that decodes.
    pub(crate) fn version(&self) -> String {
        self.library.version()
    }

    /// Makes the decoder afresh, for frames of another format.
    pub(crate) fn renew(&mut self) {
        if let Ok(fresh) = Self::new(self.stream.clone(), self.verifies) {
            self.inner = fresh.inner;
        }
    }

    pub(crate) fn decode(&mut self, packet: &Packet) -> Decoded<'_> {
        let trimmed = if self.trims { packet.trim_start.get() } else { 0 };
        let inner = &mut self.inner;
        let decode = || match inner {
            Inner::Symphonia(decoder) => decoder.decode(packet).err(),
            Inner::Libav(decoder) => decoder.decode(packet).err(),
        };
        let failure = match contain("decoder", decode) {
            Some(None) => return Decoded::Samples { buffer: self.last_decoded(), trimmed },
            Some(Some(error)) => error,
            None => {
                self.renew();
                DecodeError::DecodeError("the decoder panicked")
            }
        };
        let unsupported = matches!(failure, DecodeError::Unsupported(_));
        Decoded::Failed { reason: failure.to_string(), unsupported }
    }

    /// What the decoder kept until the end. It decodes nothing more.
    pub(crate) fn drain(&mut self) -> Option<GenericAudioBufferRef<'_>> {
        match &mut self.inner {
            Inner::Symphonia(_) => return None,
            Inner::Libav(decoder) => decoder.drain().ok()?,
        }
        Some(self.last_decoded()).filter(|buffer| !buffer.is_empty())
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        match &self.inner {
            Inner::Symphonia(decoder) => decoder.last_decoded(),
            Inner::Libav(decoder) => decoder.decoded(),
        }
    }

    /// The profile of the stream as the decoder found it, in the words of reports.
    pub(crate) fn profile(&self) -> Option<String> {
        let Inner::Libav(decoder) = &self.inner else { return None };
        let profile = decoder.profile()?.to_lowercase().replace(' ', "-");
        // The one name that FFmpeg runs together.
        let profile = profile.replace("aacv2", "aac-v2");
        Some(profile.replace("he-aac", "he"))
    }

    /// Every bit of the samples is kept. DTS does so in one profile.
    pub(crate) fn lossless(&self) -> Option<bool> {
        if self.profile().is_some_and(|profile| profile.starts_with("dts-hd-ma")) {
            Some(true)
        } else {
            self.codec.lossless
        }
    }

    /// Whether all that was decoded has the checksum that the stream states; `None` if it states none.
    pub(crate) fn verified(&mut self) -> Option<bool> {
        let Inner::Symphonia(decoder) = &mut self.inner else { return None };
        contain("decoder", || decoder.finalize().verify_ok)?
    }

    /// Significant bits per sample, for codecs that have such a number.
    pub(crate) fn bit_depth(&self) -> Option<u16> {
        let parameters = match &self.inner {
            Inner::Symphonia(decoder) => decoder.codec_params(),
            // libav counts the bits of DSD by the byte.
            Inner::Libav(_) if self.codec.name == "dsd" => return Some(1),
            Inner::Libav(decoder) => return decoder.bits().filter(|_| self.lossless() == Some(true)),
        };
        let stated =
            parameters.bits_per_sample.filter(|bits| (1..=64).contains(bits)).map(|bits| bits as u16);
        let bits = stated.or_else(|| float_bits(parameters)).or_else(|| alac_bits(parameters));
        bits.filter(|_| self.codec.lossless == Some(true))
    }
}

fn make(
    library: Library,
    parameters: &AudioCodecParameters,
    trims: bool,
    verifies: bool,
) -> Result<Box<dyn AudioDecoder>, DecodeError> {
    // Only FLAC has something to verify.
    let options = AudioDecoderOptions::default().gapless(trims).verify(verifies);
    let made;
    let parameters = if matches!(parameters.codec, CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW) {
        // Containers state the 8 bits that are stored, and the library's decoder wants to hear of the 16 that come out, or of none.
        made =
            AudioCodecParameters { bits_per_sample: None, bits_per_coded_sample: None, ..parameters.clone() };
        &made
    } else {
        parameters
    };
    let make = || match library {
        Library::OpusPure => Ok(Box::new(opus::Opus::new(parameters)?) as Box<dyn AudioDecoder>),
        Library::Lewton => Ok(Box::new(vorbis::Vorbis::new(parameters)?) as Box<dyn AudioDecoder>),
        _ if parameters.codec == CODEC_ID_FLAC && flac::is_wide(parameters) => {
            Ok(Box::new(flac::WideFlac::new(parameters, verifies)?) as Box<dyn AudioDecoder>)
        }
        _ => symphonia::default::get_codecs().make_audio_decoder(parameters, &options),
    };
    contain("decoder", make).unwrap_or(Err(DecodeError::DecodeError("the decoder panicked")))
}

fn float_bits(parameters: &AudioCodecParameters) -> Option<u16> {
    match parameters.codec {
        CODEC_ID_PCM_F32LE | CODEC_ID_PCM_F32BE => Some(32),
        CODEC_ID_PCM_F64LE | CODEC_ID_PCM_F64BE => Some(64),
        _ => None,
    }
}

/// ALAC's configuration states the bits in its sixth byte; it may stand behind two atoms of twelve bytes.
fn alac_bits(parameters: &AudioCodecParameters) -> Option<u16> {
    let cookie = parameters.extra_data.as_deref().filter(|_| parameters.codec == CODEC_ID_ALAC)?;
    let start = if cookie.get(4..8) == Some(b"frma") { 24 } else { 0 };
    cookie.get(start + 5).map(|bits| u16::from(*bits)).filter(|bits| (1..=32).contains(bits))
}

fn refused(kind: Kind, codec: CodecTraits, stream: &Stream, error: &DecodeError) -> Error {
    let (container, parameters) = (kind.name(), &stream.parameters);
    match error {
        DecodeError::Unsupported(_) if parameters.codec == CODEC_ID_AAC => {
            Error::Unsupported { detail: format!("codec {} in {container}", aac_variant(stream)) }
        }
        DecodeError::Unsupported(what) if parameters.codec == CODEC_ID_OPUS => {
            Error::Unsupported { detail: format!("opus in {container}: {what}") }
        }
        DecodeError::Unsupported(_) => {
            Error::Unsupported { detail: format!("codec {} in {container}", codec.name) }
        }
        other => Error::Corrupt { detail: format!("the {} header is damaged: {other}", codec.name) },
    }
}

/// Low complexity, without extensions, in one or two channels.
fn is_usual_aac(parameters: &AudioCodecParameters) -> bool {
    let channels = parameters.channels.as_ref().map(|channels| channels.count());
    parameters.codec == CODEC_ID_AAC
        && match parameters.extra_data.as_deref() {
            // ADTS, whose headers have been read: it has no other kinds.
            None => parameters.sample_rate.is_some() && matches!(channels, Some(1 | 2)),
            Some(bytes) => AacConfig::parse(bytes).is_some_and(|config| {
                config.object == AAC_LC && !config.sbr && !config.ps && matches!(config.channels, 1 | 2)
            }),
        }
}

/// What keeps an AAC stream from being decoded.
fn aac_variant(stream: &Stream) -> String {
    let Some(config) = AacConfig::parse(stream.parameters.extra_data.as_deref().unwrap_or_default()) else {
        return if stream.kind == Kind::Adts { "AAC" } else { "AAC without a configuration" }.to_owned();
    };
    match (config.object, config.channels) {
        _ if config.ps => "HE-AAC v2".to_owned(),
        _ if choice::is_he_aac(stream, &config) => "HE-AAC".to_owned(),
        (AAC_LC, 0) => "AAC-LC with a layout of its own".to_owned(),
        (1, _) => "AAC Main".to_owned(),
        (AAC_LC, 7) => "AAC-LC with 8 channels".to_owned(),
        (AAC_LC, channels @ 3..) => format!("AAC-LC with {channels} channels"),
        (AAC_LC, _) => "AAC-LC of an unusual kind".to_owned(),
        (3, _) => "AAC SSR".to_owned(),
        (4, _) => "AAC LTP".to_owned(),
        (42, _) => "xHE-AAC".to_owned(),
        (other, _) => format!("AAC of object type {other}"),
    }
}
