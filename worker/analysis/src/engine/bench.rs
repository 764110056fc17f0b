//! Everything that measures, fed block by block, and the time that each of them took.

use super::whole;
use crate::decimate::Decimator;
use crate::fingerprint::Fingerprinter;
use crate::key::KeyFinder;
use crate::listener::{Listener, Mono};
use crate::loudness::Meter;
use crate::quality::Evidence;
use crate::rhythm::Rhythm;
use crate::silence::Ends;
use crate::stage::{Block, Format, Stage};
use crate::timbre::Timbre;
use crate::traces::Traces;
use crate::waveform::{Colours, Overview};
use crate::{Feature, Features};
use report::Report;
use std::time::{Duration, Instant};

/// Name in the timings of what all listeners share.
const DECIMATION: &str = "decimation";

/// The stages and the listeners of one pass.
pub(super) struct Bench {
    /// What was asked for; what that is made from is measured as well.
    asked: Features,
    stages: Vec<(Box<dyn Stage>, Duration)>,
    ears: Option<Ears>,
    peak: f32,
}

/// The listeners and what they listen to.
struct Ears {
    mono: Mono,
    spent: Duration,
    listeners: Vec<(Box<dyn Listener>, Duration)>,
}

impl Bench {
    pub(super) fn new(asked: Features, format: &Format) -> Self {
        let features = asked.with_ingredients();
        let mut stages: Vec<Box<dyn Stage>> = Vec::new();
        if features.contains(Feature::Loudness) {
            stages.push(Box::new(Meter::new(format)));
        }
        if features.contains(Feature::Silence) {
            stages.push(Box::new(Ends::new(format)));
        }
        if features.contains(Feature::Quality) {
            stages.push(Box::new(Evidence::new(format)));
        }
        if features.contains(Feature::Waveform) {
            stages.push(Box::new(Overview::new(format)));
        }
        Self {
            asked,
            stages: stages.into_iter().map(|stage| (stage, Duration::ZERO)).collect(),
            ears: Ears::new(features, format),
            peak: 0.0,
        }
    }

    /// Largest magnitude of any sample so far.
    pub(super) fn peak(&self) -> f32 {
        self.peak
    }

    pub(super) fn block(&mut self, block: &Block<'_>) {
        self.peak = self.peak.max(block.peak());
        let mut before = Instant::now();
        for (stage, spent) in &mut self.stages {
            stage.block(block);
            *spent += lap(&mut before);
        }
        if let Some(ears) = &mut self.ears {
            ears.hear(|mono| mono.block(block));
        }
    }

    pub(super) fn finish(mut self, report: &mut Report) {
        for (stage, spent) in &mut self.stages {
            let before = Instant::now();
            stage.finish(report);
            note(report, stage.name(), stage.version(), *spent + before.elapsed());
        }
        let mut traces = Traces::default();
        if let Some(ears) = self.ears {
            ears.finish(report, &mut traces);
        }
        whole::describe(self.asked, &traces, report);
    }
}

impl Ears {
    fn new(features: Features, format: &Format) -> Option<Self> {
        let mono = Mono::new(format);
        let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
        if features.contains(Feature::Tempo) {
            listeners.push(Box::new(Rhythm::new(mono.sound())));
        }
        if features.contains(Feature::Key) {
            listeners.push(Box::new(KeyFinder::new(mono.sound().low_rate())));
        }
        if features.contains(Feature::Spectral) {
            let history = features.contains(Feature::Structure);
            listeners.push(Box::new(Timbre::new(mono.sound().middle_rate(), history)));
        }
        if features.contains(Feature::Fingerprint) {
            listeners.push(Box::new(Fingerprinter::new(mono.sound())));
        }
        if features.contains(Feature::Waveform) {
            listeners.push(Box::new(Colours::new(mono.sound())));
        }
        let listeners: Vec<_> = listeners.into_iter().map(|it| (it, Duration::ZERO)).collect();
        (!listeners.is_empty()).then_some(Self { mono, spent: Duration::ZERO, listeners })
    }

    /// Does the next thing with the channel, and has everybody hear what comes of it.
    fn hear(&mut self, next: impl FnOnce(&mut Mono)) {
        let mut before = Instant::now();
        next(&mut self.mono);
        self.spent += lap(&mut before);
        let sound: &Decimator = self.mono.sound();
        for (listener, spent) in &mut self.listeners {
            listener.hear(sound);
            *spent += lap(&mut before);
        }
    }

    fn finish(mut self, report: &mut Report, traces: &mut Traces) {
        self.hear(Mono::finish);
        report.timings_seconds.parts.insert(DECIMATION.to_owned(), self.spent.as_secs_f64());
        for (listener, spent) in self.listeners {
            let before = Instant::now();
            let (name, version) = (listener.name(), listener.version());
            listener.finish(report, traces);
            note(report, name, version, spent + before.elapsed());
        }
    }
}

/// The time since `before`, which becomes now.
fn lap(before: &mut Instant) -> Duration {
    let now = Instant::now();
    now.duration_since(std::mem::replace(before, now))
}

pub(super) fn note(report: &mut Report, part: &str, version: u16, spent: Duration) {
    report.versions.parts.insert(part.to_owned(), version);
    // A part may be a stage and a listener.
    *report.timings_seconds.parts.entry(part.to_owned()).or_default() += spent.as_secs_f64();
}
