//! The ends a job can have: a closed set, each with a stable code that is stored, counted and printed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code: the same word in Redis, in metrics and in every output.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The value of a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    };
}

codes! {
    /// How a job ended.
    Outcome {
        /// Decoded and analysed whole.
        Ok = "ok",
        /// Analysed, but part of the audio could not be decoded: `decoded_fraction` is below 1.
        Partial = "partial",
        /// Nothing to analyse in it: silence, or too short.
        NotApplicable = "not_applicable",
        /// No report; the [`FailureKind`] says why.
        Failed = "failed",
        /// No report, because somebody wanted none any more: its batch was cancelled or its queue purged.
        Cancelled = "cancelled",
    }
}

codes! {
    /// Why there is nothing to analyse in a healthy file.
    NotApplicable {
        /// All of it is below the silence threshold.
        Silence = "silence",
        /// Shorter than the shortest window of the analysis.
        TooShort = "too_short",
    }
}

codes! {
    /// Why a job failed.
    FailureKind {
        /// A container or codec that we do not decode; the detail names it.
        Unsupported = "unsupported",
        /// The file is damaged beyond use.
        Corrupt = "corrupt",
        /// Over a limit: file size, channels, sample rate.
        TooLarge = "too_large",
        /// The file is not there, although its media root is.
        NotFound = "not_found",
        /// Outside the media roots, or not a regular file, or not readable by us.
        Denied = "denied",
        /// Over `ANALYSIS_TIMEOUT`, by the clock or without progress.
        Timeout = "timeout",
        /// The analysis ran into its memory limit.
        OutOfMemory = "out_of_memory",
        /// The analysis process died: a panic, a signal, an abort.
        Crash = "crash",
        /// Its worker died three times while it ran, or the broker gave up on it after it had been started.
        CrashLoop = "crash_loop",
        /// The broker gave up on it again and again, and no worker ever came to start it.
        Undeliverable = "undeliverable",
        /// The message was not a job.
        UnreadableMessage = "unreadable_message",
        /// The job was written by a newer producer.
        UnsupportedVersion = "unsupported_version",
        /// A fault of ours.
        Internal = "internal",
        /// Its media root is not there: not configured on this host, or not mounted.
        RootUnavailable = "root_unavailable",
        /// Reading the file failed.
        Io = "io",
        /// Redis did not take or give what the job needed.
        StoreUnavailable = "store_unavailable",
    }
}

/// So that completions know the codes.
impl clap::ValueEnum for FailureKind {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.code()))
    }
}

impl FailureKind {
    /// Whether the same job may succeed later: it is retried through the tiers before it counts as failed.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RootUnavailable | Self::Io | Self::StoreUnavailable)
    }

    /// Whether the file itself is to blame, whoever tries it and when: see [`End::is_lasting`].
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        match self {
            Self::Unsupported | Self::Corrupt => true,
            Self::TooLarge
            | Self::NotFound
            | Self::Denied
            | Self::Timeout
            | Self::OutOfMemory
            | Self::Crash
            | Self::CrashLoop
            | Self::Undeliverable
            | Self::UnreadableMessage
            | Self::UnsupportedVersion
            | Self::Internal
            | Self::RootUnavailable
            | Self::Io
            | Self::StoreUnavailable => false,
        }
    }
}

/// The second word of an end: what kind of failure, or why it is not applicable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Kind {
    /// With [`Outcome::Failed`].
    Failure(FailureKind),
    /// With [`Outcome::NotApplicable`].
    Reason(NotApplicable),
}

impl Kind {
    /// The kind of a code; failures and reasons have no code in common.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let reason = || NotApplicable::from_code(code).map(Self::Reason);
        FailureKind::from_code(code).map(Self::Failure).or_else(reason)
    }

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failure(kind) => kind.code(),
            Self::Reason(reason) => reason.code(),
        }
    }
}

/// An end with its cause, as the pipeline passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// [`Outcome::Ok`].
    Ok,
    /// [`Outcome::Partial`].
    Partial,
    /// [`Outcome::NotApplicable`].
    NotApplicable(NotApplicable),
    /// [`Outcome::Failed`].
    Failed(FailureKind),
    /// [`Outcome::Cancelled`].
    Cancelled,
}

impl End {
    /// The end of the two words that are stored. What this build does not know (another version wrote it) is read as
    /// the nearest thing: a failure without a kind is `internal`.
    #[must_use]
    pub const fn of(outcome: Outcome, kind: Option<Kind>) -> Self {
        match (outcome, kind) {
            (Outcome::Ok, _) => Self::Ok,
            (Outcome::Partial, _) => Self::Partial,
            (Outcome::NotApplicable, Some(Kind::Reason(reason))) => Self::NotApplicable(reason),
            (Outcome::NotApplicable, _) => Self::NotApplicable(NotApplicable::TooShort),
            (Outcome::Failed, Some(Kind::Failure(kind))) => Self::Failed(kind),
            (Outcome::Failed, _) => Self::Failed(FailureKind::Internal),
            (Outcome::Cancelled, _) => Self::Cancelled,
        }
    }

    /// The first word.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Ok => Outcome::Ok,
            Self::Partial => Outcome::Partial,
            Self::NotApplicable(_) => Outcome::NotApplicable,
            Self::Failed(_) => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
        }
    }

    /// The second word, where the first needs one.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Ok | Self::Partial | Self::Cancelled => None,
            Self::NotApplicable(reason) => Some(Kind::Reason(reason)),
            Self::Failed(kind) => Some(Kind::Failure(kind)),
        }
    }
}

impl End {
    /// Whether the same file would end in the same way if it were tried again: it is lasting, and need not be tried until
    /// the file or the analyser changes.
    ///
    /// What failed for want of time, memory or luck may do better. What was too large may be allowed by then
    /// (`ANALYSIS_MAX_FILE_MB`), and to find out costs next to nothing.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        match self {
            Self::Ok | Self::Partial | Self::NotApplicable(_) => true,
            Self::Cancelled => false,
            Self::Failed(kind) => kind.is_lasting(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_are_what_serde_writes() {
        let kinds = FailureKind::ALL.iter().map(|kind| Kind::Failure(*kind));
        let reasons = NotApplicable::ALL.iter().map(|reason| Kind::Reason(*reason));
        let mut seen = HashSet::new();
        for kind in kinds.chain(reasons) {
            assert!(seen.insert(kind.code()), "{} twice", kind.code());
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.code()));
            let packed = rmp_serde::to_vec_named(&kind).unwrap();
            assert_eq!(rmp_serde::from_slice::<Kind>(&packed).unwrap(), kind);
        }
    }

    #[test]
    fn only_what_the_file_itself_decides_is_lasting() {
        let table = [
            (End::Ok, true),
            (End::Partial, true),
            (End::NotApplicable(NotApplicable::Silence), true),
            (End::NotApplicable(NotApplicable::TooShort), true),
            (End::Cancelled, false),
            (End::Failed(FailureKind::Unsupported), true),
            (End::Failed(FailureKind::Corrupt), true),
            (End::Failed(FailureKind::TooLarge), false),
            (End::Failed(FailureKind::Timeout), false),
            (End::Failed(FailureKind::OutOfMemory), false),
            (End::Failed(FailureKind::Crash), false),
            (End::Failed(FailureKind::Denied), false),
            (End::Failed(FailureKind::NotFound), false),
        ];
        for (end, lasting) in table {
            assert_eq!(end.is_lasting(), lasting, "{end:?}");
        }
        // What is retried by itself is certainly tried again when somebody asks for it.
        assert!(FailureKind::ALL.iter().all(|kind| !(kind.is_transient() && kind.is_lasting())));
    }

    #[test]
    fn only_what_may_heal_is_transient() {
        let transient: Vec<_> = FailureKind::ALL.iter().filter(|kind| kind.is_transient()).collect();
        assert_eq!(
            transient,
            [&FailureKind::RootUnavailable, &FailureKind::Io, &FailureKind::StoreUnavailable]
        );
    }
}
