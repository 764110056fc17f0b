//! Settings: environment variables alone, one table of them, typed structs out of it.
//!
//! The table ([`VARIABLES`]) holds name, kind, default and meaning of every variable. The raw environment is checked
//! against it, all errors are collected, and envy fills the typed groups from the checked values. envy never sees
//! the environment itself: it panics on stray bytes in anybody's variable and stops at the first error.
//!
//! This module knows neither what the settings are for nor how they are logged.

use std::ffi::OsString;

use crate::roots::MediaRoots;

mod describe;
mod duration;
mod error;
mod groups;
mod kind;
mod lanes;
mod read;
mod sample;
mod secret;
mod table;
#[cfg(test)]
mod tests;
mod typo;

pub use describe::{Row, describe, rows_json, rows_table};
pub use duration::{format_duration, parse_duration};
pub use error::{EXIT_CONFIG, FileCause, SettingsError, SettingsErrors};
pub use groups::{
    AnalysisSettings, LaneConfinement, LogSettings, ManagementSettings, PriorityMode, QueueSettings,
    ResourceSettings, ScheduleSettings, ServiceSettings, StoreSettings, TlsSettings,
};
pub use lanes::{MIN_LANE_BYTES, OWN_BYTES};
pub use sample::{markdown_table, sample_env_file};
pub use secret::SecretUrl;
pub use table::{Fallback, Program, UsedBy, VARIABLES, Variable};
pub use typo::Warning;

use groups::Media;
use read::Environment;

/// Everything `worker` reads from its environment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerSettings {
    /// What is analysed, and how much of it at once.
    pub analysis: AnalysisSettings,
    /// What the worker may take from its machine.
    pub resources: ResourceSettings,
    /// The broker.
    pub queue: QueueSettings,
    /// Which job is started next.
    pub schedule: ScheduleSettings,
    /// The results' store.
    pub store: StoreSettings,
    /// TLS to both servers.
    pub tls: TlsSettings,
    /// The folders that may be read; the daemon needs them, the local mode does not (`MEDIA_ROOTS`).
    pub media_roots: Option<MediaRoots>,
    /// Name, addresses and time limits of the daemon.
    pub service: ServiceSettings,
    /// Logs.
    pub log: LogSettings,
}

/// Everything `producer` reads from its environment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProducerSettings {
    /// The broker.
    pub queue: QueueSettings,
    /// The broker's HTTP API, where there is one.
    pub management: ManagementSettings,
    /// The results' store.
    pub store: StoreSettings,
    /// TLS to both servers.
    pub tls: TlsSettings,
    /// The folders that files may be submitted from; `enqueue` needs them (`MEDIA_ROOTS`).
    pub media_roots: Option<MediaRoots>,
    /// Logs.
    pub log: LogSettings,
}

impl WorkerSettings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Everything that is wrong, at once; the program exits with [`EXIT_CONFIG`].
    pub fn from_env() -> Result<(Self, Vec<Warning>), SettingsErrors> {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads another environment, such as a test's.
    ///
    /// # Errors
    /// As [`WorkerSettings::from_env`].
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(Self, Vec<Warning>), SettingsErrors> {
        let environment = Environment::read(Program::Worker, vars)?;
        let settings = Self {
            analysis: environment.load()?,
            resources: environment.load()?,
            queue: environment.load()?,
            schedule: environment.load()?,
            store: environment.load()?,
            tls: environment.load()?,
            media_roots: environment.load::<Media>()?.media_roots,
            service: environment.load()?,
            log: environment.load()?,
        };
        Ok((settings, environment.warnings))
    }
}

impl ProducerSettings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Everything that is wrong, at once; the program exits with [`EXIT_CONFIG`]. Variables that the worker alone
    /// reads are not looked at.
    pub fn from_env() -> Result<(Self, Vec<Warning>), SettingsErrors> {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads another environment, such as a test's.
    ///
    /// # Errors
    /// As [`ProducerSettings::from_env`].
    pub fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(Self, Vec<Warning>), SettingsErrors> {
        let environment = Environment::read(Program::Producer, vars)?;
        let settings = Self {
            queue: environment.load()?,
            management: environment.load()?,
            store: environment.load()?,
            tls: environment.load()?,
            media_roots: environment.load::<Media>()?.media_roots,
            log: environment.load()?,
        };
        Ok((settings, environment.warnings))
    }
}
