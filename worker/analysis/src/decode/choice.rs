//! Which decoder takes a stream: the one place that decides it.

use crate::DECODER;
use crate::open::{AAC_LC, AacConfig, Kind, MAX_CORE_RATE};
use crate::source::Stream;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_OPUS, CODEC_ID_TRUEHD, CODEC_ID_VORBIS,
};

/// A decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// Whatever it can decode whole.
    Symphonia,
    /// Opus.
    OpusPure,
    /// Vorbis of more than two channels, whose coupling symphonia 0.6.1 undoes in the wrong order.
    Lewton,
    /// The rest, by FFmpeg's libraries, where the build has them.
    Libav {
        /// Their name of the codec.
        codec: &'static str,
    },
}

impl Library {
    /// The decoder for a stream.
    pub(crate) fn of(stream: &Stream) -> Self {
        if let Kind::Foreign(foreign) = stream.kind {
            return Self::Libav { codec: foreign.name };
        }
        match stream.parameters.codec {
            CODEC_ID_OPUS => Self::OpusPure,
            CODEC_ID_VORBIS if super::vorbis::is_surround(&stream.parameters) => Self::Lewton,
            CODEC_ID_AAC if needs_libav_for_aac(stream) => Self::Libav { codec: "aac" },
            CODEC_ID_AC3 => Self::Libav { codec: "ac3" },
            CODEC_ID_EAC3 => Self::Libav { codec: "eac3" },
            CODEC_ID_DCA => Self::Libav { codec: "dts" },
            CODEC_ID_TRUEHD => Self::Libav { codec: "truehd" },
            _ => Self::Symphonia,
        }
    }

    /// Its name and version, as they stand in a report.
    pub(crate) fn version(self) -> String {
        let mut known = DECODER.split('+');
        match self {
            Self::Symphonia => known.next().unwrap_or_default().to_owned(),
            Self::OpusPure => known.nth(1).unwrap_or_default().to_owned(),
            Self::Lewton => known.nth(2).unwrap_or_default().to_owned(),
            Self::Libav { .. } => super::libav::version(),
        }
    }
}

/// Symphonia decodes the low-complexity profile in one or two channels. Of HE-AAC it would decode the lower half of the spectrum,
/// and of the second version one channel.
fn needs_libav_for_aac(stream: &Stream) -> bool {
    // ADTS knows no other profiles than those of the first edition, and says nothing of replication.
    let Some(bytes) = stream.parameters.extra_data.as_deref() else {
        let channels = stream.parameters.channels.as_ref().map_or(0, |channels| channels.count());
        return channels > 2 || may_hide_replication(stream.parameters.sample_rate.unwrap_or(0));
    };
    AacConfig::parse(bytes).is_some_and(|config| {
        config.object != AAC_LC
            || !matches!(config.channels, 1 | 2)
            || is_he_aac(stream, &config)
            || may_hide_replication(config.rate)
    })
}

/// The configuration announces replication, or MP4 gives it away by a clock twice as fast as the samples of the core.
pub(crate) fn is_he_aac(stream: &Stream, config: &AacConfig) -> bool {
    let clock = stream.tick.filter(|_| stream.kind == Kind::Mp4).map(|tick| tick.denom.get());
    config.sbr || config.ps || (config.object == AAC_LC && clock == Some(config.rate * 2))
}

/// At this rate of the core the packets may hold replication although nothing announces it. libav finds it when it decodes; a
/// build without libav decodes the core, whose profile then says that this was left open.
fn may_hide_replication(core_rate: u32) -> bool {
    cfg!(feature = "libav") && (1..=MAX_CORE_RATE).contains(&core_rate)
}

/// What is said of a file that a build without libav cannot read.
pub(crate) fn needs_libav(what: &str) -> String {
    format!("{what}, which needs libav: use the worker's image, or build the worker with --features libav")
}
