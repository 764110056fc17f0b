use serde::{Deserialize, Serialize};

/// What the audio is made of. It describes the payload, not the file around it, so that copies that differ in their tags
/// alone share it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Audio {
    /// Short name of the container, lower case: `wav`, `aiff`, `flac`, `mp3`, `ogg`, `mp4`, `adts`, `caf`, `mkv` …
    pub container: String,
    /// Short name of the codec, lower case: `pcm_s16le`, `flac`, `mp3`, `vorbis`, `opus`, `aac`, `alac` …
    pub codec: String,
    /// The library that decoded it and its version, such as `symphonia-0.6.1` or `libavcodec-61.19.101`. Empty in reports from
    /// before this was noted.
    pub decoder: String,
    /// The codec's profile where it has any, such as `lc`, `he` or `he-v2` for AAC and `dts-hd-ma` for DTS. `lc-or-he-core` says
    /// that nothing told plain AAC from HE-AAC, and that of the latter just the lower half of the spectrum was decoded.
    pub codec_profile: Option<String>,
    /// Whether the codec keeps every bit of the samples it was given. `None` where the codec does not tell.
    pub lossless: Option<bool>,
    /// Sample rate of the decoded samples, in Hz.
    pub sample_rate_hz: u32,
    /// Number of channels of the decoded samples.
    pub channels: u16,
    /// Where the channels belong, as speaker abbreviations joined by `+`, such as `FL+FR`. `None` where nothing says so.
    pub channel_layout: Option<String>,
    /// Significant bits per sample as stored. `None` for codecs without such a number, as the lossy ones.
    pub bit_depth: Option<u16>,
    /// Length of what was decoded, in seconds: frames after gapless trimming, divided by the sample rate.
    pub duration_seconds: f64,
    /// Number of decoded frames (one sample of every channel) at [`Self::sample_rate_hz`], after gapless trimming.
    pub frames: u64,
    /// Length the container announces, in seconds. `None` where it announces none.
    pub declared_duration_seconds: Option<f64>,
    /// Share of the announced audio that was decoded, 0 to 1.
    pub decoded_fraction: f64,
    /// Mean rate of the audio packets, in bits per second, without tags and container.
    pub bitrate_bps: Option<u32>,
    /// Frames that the encoder put in front of the signal and that were trimmed away.
    pub encoder_delay_frames: Option<u32>,
    /// Frames that the encoder appended to the signal and that were trimmed away.
    pub encoder_padding_frames: Option<u32>,
}
