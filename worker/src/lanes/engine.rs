//! What a lane does with a file. The analysis is one engine; tests serve hostile ones over the same loop.

use std::time::{Duration, Instant};

use analysis::{Input, Limits, Options, Progress};
use serde::{Deserialize, Serialize};
use shared::outcome::FailureKind;
use shared::roots::{self, OpenError, OpenedFile};

use super::pages::{self, Pages};
use super::rehearsal::rehearse;
use super::{Analysed, Cached, Identified, LaneFailure, ReadAhead, Target};

/// The part of a lane's set-up that its engine reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineOptions {
    /// Largest file that is opened, bytes.
    pub max_file_bytes: u64,
    /// Parts of the report to compute.
    pub features: analysis::Features,
    /// For load tests: no file is opened, and each takes this long.
    pub rehearsal: Option<Duration>,
}

/// The work of a lane. It may hang, abort, overflow its stack or eat all memory: that costs this one request.
pub trait Engine {
    /// Finds out who the audio is, without decoding.
    ///
    /// # Errors
    /// Why there is no identity.
    fn identify(
        &mut self,
        target: &Target,
        options: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Identified, LaneFailure>;

    /// Decodes and analyses.
    ///
    /// # Errors
    /// Why there is no report.
    fn analyze(
        &mut self,
        target: &Target,
        options: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Analysed, LaneFailure>;

    /// Nothing more is wanted of the file that was identified.
    fn forget(&mut self) {}

    /// Has up to so many first bytes of a file read into memory, and does not wait for them.
    ///
    /// # Errors
    /// Why the file cannot be opened.
    fn read_ahead(
        &mut self,
        _target: &Target,
        _at_most: u64,
        _options: &EngineOptions,
    ) -> Result<ReadAhead, LaneFailure> {
        Ok(ReadAhead { bytes: 0, cached: Cached::Something })
    }

    /// Nothing more is wanted of a file that was read ahead.
    fn give_back(&mut self, _target: &Target, _options: &EngineOptions) {}
}

/// The product's engine.
#[derive(Debug, Default)]
pub(super) struct AnalysisEngine {
    pages: Pages,
}

impl Engine for AnalysisEngine {
    fn identify(
        &mut self,
        target: &Target,
        options: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Identified, LaneFailure> {
        let OpenedFile { file, bytes, modified, extension } = self.open(target, options)?;
        let found = analysis::identify(Input { file, extension }, &options.into(), on_progress)
            .inspect_err(|_| self.pages.end())?;
        // Its pages stay for the analysis that may follow.
        let cached = self.pages.found();
        Ok(Identified { identity: found.identity, tags: found.tags, bytes, modified, cached })
    }

    fn analyze(
        &mut self,
        target: &Target,
        options: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Analysed, LaneFailure> {
        if let Some(time) = options.rehearsal {
            return rehearse(target, time);
        }
        let started = Instant::now();
        let OpenedFile { file, bytes, modified, extension } = self.open(target, options)?;
        let done = analysis::analyze(Input { file, extension }, &options.into(), on_progress);
        let cached = self.pages.found();
        self.pages.end();
        let done = done?;
        Ok(Analysed {
            verdict: done.verdict,
            identity: done.identity,
            report: Box::new(done.report),
            bytes,
            modified,
            elapsed: started.elapsed(),
            cached,
        })
    }

    fn forget(&mut self) {
        self.pages.end();
    }

    fn read_ahead(
        &mut self,
        target: &Target,
        at_most: u64,
        options: &EngineOptions,
    ) -> Result<ReadAhead, LaneFailure> {
        let opened = roots::open(&target.root, &target.path, options.max_file_bytes)?;
        Ok(pages::read_ahead(&opened.file, opened.bytes, at_most))
    }

    fn give_back(&mut self, target: &Target, options: &EngineOptions) {
        // What has gone meanwhile needs no giving back.
        if let Ok(opened) = roots::open(&target.root, &target.path, options.max_file_bytes) {
            pages::give_back(&opened.file);
        }
    }
}

impl AnalysisEngine {
    fn open(&mut self, target: &Target, options: &EngineOptions) -> Result<OpenedFile, LaneFailure> {
        let opened = roots::open(&target.root, &target.path, options.max_file_bytes)?;
        self.pages.begin(&opened.file, opened.bytes);
        Ok(opened)
    }
}

impl From<&EngineOptions> for Options {
    fn from(options: &EngineOptions) -> Self {
        Self { features: options.features, limits: Limits::default() }
    }
}

impl From<OpenError> for LaneFailure {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Denied { .. } => FailureKind::Denied,
            OpenError::NotFound => FailureKind::NotFound,
            OpenError::RootUnavailable { .. } => FailureKind::RootUnavailable,
            OpenError::TooLarge { .. } => FailureKind::TooLarge,
            OpenError::Io { .. } => FailureKind::Io,
        };
        Self { kind, detail: error.to_string() }
    }
}

impl From<analysis::Error> for LaneFailure {
    fn from(error: analysis::Error) -> Self {
        let (kind, detail) = match error {
            analysis::Error::Unsupported { detail } => (FailureKind::Unsupported, detail),
            analysis::Error::Corrupt { detail } => (FailureKind::Corrupt, detail),
            analysis::Error::TooLarge { detail } => (FailureKind::TooLarge, detail),
            analysis::Error::Io(error) if roots::means_gone(&error) => {
                (FailureKind::RootUnavailable, format!("its media root went away while it was read: {error}"))
            }
            analysis::Error::Io(error) => (FailureKind::Io, error.to_string()),
        };
        Self { kind, detail }
    }
}
