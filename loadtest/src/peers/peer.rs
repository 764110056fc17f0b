//! Who is compared, and what each is made of.

use clap::ValueEnum;

/// Another program that does some of what ours does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// Jobs that do nothing, through Celery.
    Celery,
    /// Tempo, key and loudness by librosa and pyloudnorm, as Celery's tasks.
    Librosa,
    /// Tempo, key and loudness by Essentia.
    Essentia,
    /// bliss' descriptors.
    Bliss,
    /// Loudness by ffmpeg's ebur128 filter.
    Ffmpeg,
}

/// Our scripts for the peers, by name: each environment gets all of them.
pub(super) const SCRIPTS: [(&str, &str); 4] = [
    ("peer_tasks.py", include_str!("../../peers/peer_tasks.py")),
    ("publish.py", include_str!("../../peers/publish.py")),
    ("submit.py", include_str!("../../peers/submit.py")),
    ("essentia_files.py", include_str!("../../peers/essentia_files.py")),
];

/// Version of the crate bliss-audio, whose example program it is that is run. Its decoder is symphonia, as ours: the other one
/// needs ffmpeg's headers.
pub(super) const BLISS: &str = "0.13.0";

impl Peer {
    pub(super) const ALL: [Self; 5] =
        [Self::Celery, Self::Librosa, Self::Essentia, Self::Bliss, Self::Ffmpeg];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Celery => "celery",
            Self::Librosa => "librosa",
            Self::Essentia => "essentia",
            Self::Bliss => "bliss",
            Self::Ffmpeg => "ffmpeg",
        }
    }

    /// The pinned packages of a peer that is installed by pip.
    pub(super) const fn requirements(self) -> Option<&'static str> {
        match self {
            Self::Celery => Some(include_str!("../../peers/requirements-celery.txt")),
            Self::Librosa => Some(include_str!("../../peers/requirements-librosa.txt")),
            Self::Essentia => Some(include_str!("../../peers/requirements-essentia.txt")),
            Self::Bliss | Self::Ffmpeg => None,
        }
    }

    /// What it computes of a file.
    pub(super) const fn computes(self) -> &'static str {
        match self {
            Self::Celery => "nothing",
            Self::Librosa => "tempo, beats, key, loudness",
            Self::Essentia => "tempo, beats, key, loudness, range",
            Self::Bliss => "23 descriptors, tempo among them",
            Self::Ffmpeg => "loudness, range, true peak",
        }
    }

    /// The version of its own package, where that is pinned.
    pub(super) fn version(self) -> Option<String> {
        match self {
            Self::Bliss => Some(BLISS.to_owned()),
            _ => {
                let own = |line: &str| {
                    line.split_once("==")
                        .filter(|(name, _)| *name == self.name())
                        .map(|(_, version)| version.to_owned())
                };
                self.requirements()?.lines().find_map(own)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        for peer in Peer::ALL {
            for line in peer.requirements().unwrap_or_default().lines().filter(|line| !line.starts_with('#'))
            {
                let (name, version) = line.split_once("==").unwrap_or_else(|| panic!("{line}"));
                assert!(!name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit()), "{line}");
            }
        }
        assert_eq!(Peer::Librosa.version().as_deref(), Some("0.11.0"));
        assert_eq!(Peer::Ffmpeg.version(), None);
    }
}
