//! Codecs of Matroska by their names, and their parameters (RFC 9559 §5.1.4.1.23 and the list of codec mappings).

use super::super::wave::{self, WaveFormat};
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, CODEC_ID_NULL_AUDIO};

/// What a track states.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    pub(super) codec: String,
    /// The codec's configuration.
    pub(super) private: Option<Vec<u8>>,
    pub(super) rate: f64,
    pub(super) channels: u64,
    pub(super) bits: Option<u64>,
}

/// Parameters for the decoder, or the name of what there is no decoder for.
pub(super) fn parameters(stated: &Stated) -> Result<AudioCodecParameters, String> {
    if stated.codec == "A_MS/ACM" {
        return wave_format(stated);
    }
    let codec = codec_id(stated).ok_or_else(|| format!("codec {} in Matroska", stated.codec))?;
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec).with_sample_rate(stated.rate.round() as u32);
    parameters.with_channels(channels(codec, stated.channels));
    if let Some(bits) = stated.bits {
        parameters.with_bits_per_sample(u32::try_from(bits).unwrap_or(0));
    }
    let private = stated.private.as_deref();
    let extra = match (codec, private) {
        (CODEC_ID_VORBIS, Some(private)) => {
            Some(vorbis(private).ok_or("damaged Vorbis headers in Matroska")?)
        }
        (CODEC_ID_FLAC, Some(private)) => Some(flac(private).ok_or("damaged FLAC headers in Matroska")?),
        (CODEC_ID_AAC, None) => aac(stated),
        (_, private) => private.map(<[u8]>::to_vec),
    };
    if let Some(extra) = extra {
        parameters.with_extra_data(extra.into_boxed_slice());
    }
    Ok(parameters)
}

/// Nothing states the places of the channels. One or two of PCM are what they are anywhere; other codecs know by themselves.
fn channels(codec: AudioCodecId, count: u64) -> Channels {
    let pcm = [
        CODEC_ID_PCM_U8,
        CODEC_ID_PCM_S16LE,
        CODEC_ID_PCM_S16BE,
        CODEC_ID_PCM_S24LE,
        CODEC_ID_PCM_S24BE,
        CODEC_ID_PCM_S32LE,
        CODEC_ID_PCM_S32BE,
        CODEC_ID_PCM_F32LE,
        CODEC_ID_PCM_F64LE,
    ];
    match count {
        2 if pcm.contains(&codec) => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
        count => Channels::Discrete(u16::try_from(count).unwrap_or(u16::MAX)),
    }
}

fn codec_id(stated: &Stated) -> Option<AudioCodecId> {
    let id = match (stated.codec.as_str(), stated.bits.unwrap_or(0)) {
        ("A_MPEG/L1", _) => CODEC_ID_MP1,
        ("A_MPEG/L2", _) => CODEC_ID_MP2,
        ("A_MPEG/L3", _) => CODEC_ID_MP3,
        ("A_FLAC", _) => CODEC_ID_FLAC,
        ("A_OPUS" | "A_OPUS/EXPERIMENTAL", _) => CODEC_ID_OPUS,
        ("A_VORBIS", _) => CODEC_ID_VORBIS,
        ("A_ALAC", _) => CODEC_ID_ALAC,
        ("A_AC3" | "A_AC3/BSID9" | "A_AC3/BSID10", _) => CODEC_ID_AC3,
        ("A_EAC3", _) => CODEC_ID_EAC3,
        ("A_TRUEHD", _) => CODEC_ID_TRUEHD,
        ("A_TTA1", _) => CODEC_ID_TTA,
        ("A_WAVPACK4", _) => CODEC_ID_WAVPACK,
        (name, _) if name == "A_AAC" || name.starts_with("A_AAC/") => CODEC_ID_AAC,
        (name, _) if name == "A_DTS" || name.starts_with("A_DTS/") => CODEC_ID_DCA,
        ("A_PCM/INT/BIG", 16) => CODEC_ID_PCM_S16BE,
        ("A_PCM/INT/BIG", 24) => CODEC_ID_PCM_S24BE,
        ("A_PCM/INT/BIG", 32) => CODEC_ID_PCM_S32BE,
        ("A_PCM/INT/LIT" | "A_PCM/INT/BIG", 8) => CODEC_ID_PCM_U8,
        ("A_PCM/INT/LIT", 16) => CODEC_ID_PCM_S16LE,
        ("A_PCM/INT/LIT", 24) => CODEC_ID_PCM_S24LE,
        ("A_PCM/INT/LIT", 32) => CODEC_ID_PCM_S32LE,
        ("A_PCM/FLOAT/IEEE", 32) => CODEC_ID_PCM_F32LE,
        ("A_PCM/FLOAT/IEEE", 64) => CODEC_ID_PCM_F64LE,
        _ => return None,
    };
    Some(id)
}

/// The headers of Vorbis as the decoder wants them: identification and setup, without the comments between them.
fn vorbis(private: &[u8]) -> Option<Vec<u8>> {
    let packets = super::blocks::xiph_laced(private)?;
    let find = |kind: u8| packets.iter().find(|it| it.first() == Some(&kind));
    Some([*find(1)?, *find(5)?].concat())
}

/// STREAMINFO out of the metadata of a FLAC file.
fn flac(private: &[u8]) -> Option<Vec<u8>> {
    let mut rest = private.strip_prefix(b"fLaC")?;
    loop {
        let head: &[u8; 4] = rest.first_chunk()?;
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let content = rest.get(4..4 + len)?;
        if head[0] & 0x7f == 0 {
            return (len == 34).then(|| content.to_vec());
        }
        rest = &rest[4 + len..];
    }
}

/// Old files keep the configuration of AAC in the name of the codec.
fn aac(stated: &Stated) -> Option<Vec<u8>> {
    let object = match stated.codec.rsplit('/').next()? {
        "MAIN" => 1,
        "SSR" => 3,
        "LTP" => 4,
        _ => 2,
    };
    super::super::aac::configuration(object, stated.rate.round() as u32, u32::try_from(stated.channels).ok()?)
}

/// The format of a WAV file, which stands for what Windows had a codec for.
fn wave_format(stated: &Stated) -> Result<AudioCodecParameters, String> {
    let private = stated.private.as_deref().unwrap_or_default();
    let format = WaveFormat::parse(private).ok_or("a damaged A_MS/ACM track")?;
    let parameters = format.parameters();
    if parameters.codec == CODEC_ID_NULL_AUDIO {
        return Err(format!("codec {} in Matroska", wave::name(format.tag)));
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(codec: &str) -> Stated {
        Stated { codec: codec.to_owned(), rate: 44_100.0, channels: 2, ..Stated::default() }
    }

    #[test]
    fn codecs_have_names() {
        assert_eq!(parameters(&stated("A_MPEG/L3")).unwrap().codec, CODEC_ID_MP3);
        assert_eq!(parameters(&stated("A_QUICKTIME")).unwrap_err(), "codec A_QUICKTIME in Matroska");
        let pcm = Stated { bits: Some(24), ..stated("A_PCM/INT/BIG") };
        assert_eq!(parameters(&pcm).unwrap().codec, CODEC_ID_PCM_S24BE);
    }

    #[test]
    fn the_configuration_of_aac_may_be_in_the_name() {
        let parameters = parameters(&stated("A_AAC/MPEG4/LC")).unwrap();
        assert_eq!(parameters.extra_data.as_deref(), Some(&[0x12, 0x10][..]));
    }

    #[test]
    fn headers_are_taken_out_of_their_packaging() {
        let laced = [&[2, 3, 2][..], &[1, b'i', b'd'], &[3, b'c'], &[5, b's', b'e', b't']].concat();
        assert_eq!(vorbis(&laced).as_deref(), Some(&[1, b'i', b'd', 5, b's', b'e', b't'][..]));
        assert_eq!(vorbis(&laced[..4]), None);
        let metadata = [b"fLaC".as_slice(), &[4, 0, 0, 1, 9], &[0x80, 0, 0, 34], &[7; 34]].concat();
        assert_eq!(flac(&metadata).as_deref(), Some(&[7; 34][..]));
        assert_eq!(flac(&metadata[..20]), None);
    }
}
