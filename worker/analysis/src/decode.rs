//! From packets to samples: the decoder and what its answers mean.

mod account;
mod assemble;

pub(crate) use account::{Account, Judgement};
pub(crate) use assemble::Assembler;

use crate::Error;
use crate::open::{CodecTraits, Kind, codec_traits};
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::packet::Packet;

/// A decoder for one stream.
pub(crate) struct Decoder {
    inner: Box<dyn AudioDecoder>,
    pub(crate) codec: CodecTraits,
    /// The decoder cuts off what the packet says.
    trims: bool,
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
    pub(crate) fn new(kind: Kind, parameters: &AudioCodecParameters) -> Result<Self, Error> {
        let codec = codec_traits(parameters);
        // Of MPEG streams only the estimated length would be used for trimming, which cuts the end off streams whose bitrate
        // rises. Vorbis must have it: its first packet only primes the decoder, and the pages say where the last one ends.
        let trims = parameters.codec == CODEC_ID_VORBIS;
        let options = AudioDecoderOptions::default().gapless(trims);
        let inner = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &options)
            .map_err(|error| refused(kind, codec, parameters, &error))?;
        Ok(Self { inner, codec, trims })
    }

    pub(crate) fn decode(&mut self, packet: &Packet) -> Decoded<'_> {
        let trimmed = if self.trims { packet.trim_start.get() } else { 0 };
        match self.inner.decode(packet) {
            Ok(buffer) => Decoded::Samples { buffer, trimmed },
            Err(error) => {
                let unsupported = matches!(error, DecodeError::Unsupported(_));
                Decoded::Failed { reason: error.to_string(), unsupported }
            }
        }
    }

    /// Significant bits per sample, for codecs that have such a number.
    pub(crate) fn bit_depth(&self) -> Option<u16> {
        let bits = self.inner.codec_params().bits_per_sample.and_then(|bits| u16::try_from(bits).ok());
        bits.filter(|_| self.codec.lossless == Some(true))
    }
}

fn refused(kind: Kind, codec: CodecTraits, parameters: &AudioCodecParameters, error: &DecodeError) -> Error {
    let container = kind.name();
    match error {
        DecodeError::Unsupported(_) if parameters.codec == CODEC_ID_AAC => {
            Error::Unsupported { detail: format!("codec {} in {container}", aac_variant(parameters)) }
        }
        DecodeError::Unsupported(_) => {
            Error::Unsupported { detail: format!("codec {} in {container}", codec.name) }
        }
        other => Error::Corrupt { detail: format!("the {} header is damaged: {other}", codec.name) },
    }
}

/// What keeps an AAC stream from being decoded, by its AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
fn aac_variant(parameters: &AudioCodecParameters) -> String {
    let config = parameters.extra_data.as_deref().unwrap_or_default();
    let object_type = config.first().map_or(2, |byte| byte >> 3);
    let channels = config.get(1).map_or(0, |byte| byte >> 3 & 15);
    match object_type {
        1 => "AAC Main".to_owned(),
        2 if channels > 2 => format!("AAC-LC with {} channels", if channels == 7 { 8 } else { channels }),
        // A second description behind the first announces spectral band replication.
        2 => "HE-AAC, or AAC-LC of an unusual kind,".to_owned(),
        3 => "AAC SSR".to_owned(),
        4 => "AAC LTP".to_owned(),
        5 => "HE-AAC".to_owned(),
        29 => "HE-AAC v2".to_owned(),
        31 => "xHE-AAC, or another extended AAC,".to_owned(),
        other => format!("AAC of object type {other}"),
    }
}
