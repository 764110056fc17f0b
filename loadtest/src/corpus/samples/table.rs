//! The table of the committed pieces. Uncompressed ones are mono at 22.05 kHz, since all of them together stay below 3 MB.

use super::Sample;
use crate::corpus::format::Format;
use crate::corpus::pcm::Layout;
use crate::corpus::style::Genre;

const SMALL: Layout = Layout { rate: 22_050, channels: 1, bits: 16 };
const SPEECH: Layout = Layout { rate: 16_000, ..SMALL };
const CD: Layout = Layout { rate: 44_100, channels: 2, bits: 16 };
const VIDEO: Layout = Layout { rate: 48_000, channels: 2, bits: 16 };

pub(super) static SAMPLES: &[Sample] = &[
    sample("ballad", Format::Alac, Layout { rate: 44_100, ..SMALL }, 1, Genre::Ballad, 70.0, "C major", 10.3),
    sample("drum_and_bass", Format::Ogg, CD, 2, Genre::DrumAndBass, 174.0, "D# minor", 14.0),
    Sample {
        kbps: 64,
        humanise: 0.008,
        ..sample("hip_hop", Format::M4a, CD, 3, Genre::HipHop, 87.5, "F minor", 14.0)
    },
    sample("house", Format::Wav, SMALL, 4, Genre::House, 124.0, "A minor", 10.0),
    Sample {
        humanise: 0.006,
        ..sample("jazz", Format::Caf, SPEECH, 5, Genre::Jazz, 133.33, "A# major", 10.0)
    },
    sample("pop", Format::Webm, VIDEO, 16, Genre::Pop, 104.2, "E major", 14.0),
    Sample {
        kbps: 48,
        ..sample("progressive", Format::Opus, VIDEO, 13, Genre::House, 126.0, "G minor", 12.0)
    },
    Sample { kbps: 64, ..sample("reggae", Format::Aac, VIDEO, 7, Genre::Reggae, 76.0, "B minor", 14.0) },
    Sample { humanise: 0.008, ..sample("rock", Format::Mka, SPEECH, 8, Genre::Rock, 120.0, "A major", 10.0) },
    sample("slow_waltz", Format::Aiff, SPEECH, 9, Genre::Waltz, 96.0, "G major", 10.0),
    Sample {
        kbps: 48,
        ..sample("steady_house", Format::Mp3, SMALL, 10, Genre::House, 120.0, "C# minor", 12.0)
    },
    sample("trance", Format::Mp3, CD, 11, Genre::Trance, 138.0, "F# minor", 16.0),
    sample("waltz", Format::Flac, Layout { bits: 24, ..SMALL }, 12, Genre::Waltz, 147.5, "F major", 10.0),
];

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
const fn sample(
    name: &'static str,
    format: Format,
    layout: Layout,
    seed: u64,
    genre: Genre,
    bpm: f64,
    key: &'static str,
    seconds: f64,
) -> Sample {
    Sample { name, format, layout, kbps: 80, seed, genre, bpm, key, seconds, humanise: 0.0 }
}
