//! Arguments of `loadtest peers`.

use std::path::PathBuf;

use clap::Args;

use crate::report::Outputs;

use super::peer::Peer;

const EXAMPLES: &str = "\
Examples:
  loadtest peers                                        everything; the first run installs the peers, which takes minutes
  loadtest peers --only essentia,ffmpeg --rounds 5
  loadtest peers --only celery --jobs 10000             the road without analysis alone
  loadtest peers --music ~/some-albums --json peers.json

Peers: celery (no-op jobs), librosa (as Celery's tasks, with pyloudnorm), essentia, bliss, ffmpeg (its ebur128 filter). Every figure of
processor time is user and system time of the whole process tree. Ours includes the start of its processes, as do ffmpeg's and bliss's;
Essentia's and librosa's do not, and each has analysed a file before the first round.

What they compute differs: librosa and Essentia tempo, beats, key and integrated loudness (Essentia also its range); bliss 23 descriptors
with the tempo among them and no key; ffmpeg loudness, its range and the true peak. Ours is measured with all its features and with
tempo, key and loudness (beats and the true peak are in these).

Exit codes: 0 those that could run are reported · 1 none could, or it could not be measured · 2 wrong usage";

/// Put the same work through Celery, librosa, Essentia, bliss and ffmpeg, beside ours
///
/// Starts a RabbitMQ and a Redis of its own where they are needed. Peers are installed below --envs, by pip and cargo; nothing is
/// installed elsewhere. A peer that cannot be installed is left out, with the reason.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Peers {
    /// Only these peers, separated by commas
    #[arg(long, value_delimiter = ',', value_enum, value_name = "PEERS")]
    pub(super) only: Vec<Peer>,
    /// Rounds, each with all peers in turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(super) rounds: u8,
    /// Pieces that are composed and analysed, each in every format
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(super) files: u16,
    /// Length of a piece
    #[arg(long, default_value = "180", value_parser = seconds)]
    pub(super) seconds: f64,
    /// Formats of each piece, as `loadtest corpus` has them. All peers read wav, flac, mp3 and ogg
    #[arg(long, default_value = "flac,mp3")]
    pub(super) formats: String,
    /// Seed of the first piece
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Analyse the files of this folder instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "seconds", "formats", "seed"])]
    pub(super) music: Option<PathBuf>,
    /// No-op jobs that Celery gets in a round; our fleet gets ten times as many, to run as long
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(200..=200_000))]
    pub(super) jobs: u32,
    /// ANALYSIS_BATCH_SIZE of our fleet, and messages that Celery prefetches for each of its processes
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) batch: u16,
    /// Lanes of our fleet for no-op jobs: they take no time, so what is measured is how much of the road is shared
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) lanes: u16,
    /// Processes of Celery for no-op jobs [default: one per processor; more make it slower]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) processes: Option<u16>,
    /// Where the peers' environments are kept [default: peers, beside the folder of this program]
    #[arg(long, value_name = "DIR")]
    pub(super) envs: Option<PathBuf>,
    /// The Python that environments are made of [default: the first of python3 and /usr/bin/python3 that can]
    #[arg(long, value_name = "PATH")]
    pub(super) python: Option<PathBuf>,
    /// The worker to measure, a release build [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(super) worker: Option<PathBuf>,
    #[command(flatten)]
    pub(super) outputs: Outputs,
}

impl Peers {
    pub(super) fn wants(&self, peer: Peer) -> bool {
        self.only.is_empty() || self.only.contains(&peer)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (5.0..=3600.0).contains(&value) => Ok(value),
        _ => Err("expected 5 to 3600 seconds".to_owned()),
    }
}
