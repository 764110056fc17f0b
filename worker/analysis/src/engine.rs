//! One pass over a file: packets are hashed, decoded, cut into blocks, and shown to every stage that was asked for.

mod bench;
mod pass;
mod pulse;
mod whole;

use crate::decode::{Decoder, Judgement};
use crate::open;
use crate::source::{Event, Source};
use crate::tags;
use crate::{Analysis, Error, Identified, Input, NotApplicable, Options, Progress, Verdict};
use crate::{Feature, silence};
use pass::{Pass, Passed};
use pulse::Pulse;
use report::{Tags, Versions};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

/// Less usable audio than this share of what was announced is not worth a report: it would describe another piece.
const MIN_FRACTION: f64 = 0.1;
/// Below one loudness block of 400 ms nothing that is measured means anything.
const MIN_SECONDS: f64 = 0.4;

/// Times that a file is read again because its format turned out to hold more than it began with: mono becomes stereo, or the
/// rate rises. What comes up after these is mixed down.
const MAX_PASSES: usize = 4;

fn open(
    file: &Arc<File>,
    extension: Option<&str>,
    options: &Options,
) -> Result<(Source, Option<Tags>), Error> {
    let opened = open::open(file, extension, &options.limits)?;
    let mut source = Source::new(opened, &options.limits)?;
    let wanted = options.features.contains(Feature::Tags);
    let tags = if wanted { tags::read(file, &mut source) } else { None };
    Ok((source, tags))
}

/// See [`crate::identify`].
pub(crate) fn identify(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Identified, Error> {
    let (mut source, tags) = open(&Arc::new(input.file), input.extension.as_deref(), options)?;
    // A codec without a decoder shall be found here, not after a question to the cache.
    Decoder::check(source.stream())?;
    let mut pulse = Pulse::new(on_progress, source.extent());
    loop {
        match source.next(&options.limits)? {
            Event::End => break,
            Event::Packet(packet) => pulse.at_packet(&packet, source.time_base()),
            Event::Nothing | Event::NewStream => pulse.beat(),
        }
    }
    Ok(Identified { identity: source.identity(), tags })
}

/// See [`crate::analyze`].
pub(crate) fn analyze(
    input: Input,
    options: &Options,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Analysis, Error> {
    let started = Instant::now();
    let (file, extension) = (Arc::new(input.file), input.extension);
    let mut target = None;
    let mut passes = 1;
    let (source, tags, pass) = loop {
        let (mut source, tags) = open(&file, extension.as_deref(), options)?;
        let mut pass = Pass::new(&source, options, target.take())?;
        let mut pulse = Pulse::new(on_progress, source.extent());
        let last = passes == MAX_PASSES;
        run(&mut source, &mut pass, &mut pulse, options, last)?;
        pass.drain();
        match pass.wider() {
            Some(wider) if !last => target = Some(wider.clone()),
            _ => break (source, tags, pass),
        }
        passes += 1;
    };
    let passed = pass.finish(&source)?;
    let verdict = verdict(&passed)?;
    let mut report = passed.report;
    report.tags = tags;
    report.versions = Versions {
        analysis: crate::VERSION.to_owned(),
        decoder: crate::DECODER.to_owned(),
        ..report.versions
    };
    report.timings_seconds.total = started.elapsed().as_secs_f64();
    let spent: f64 = report.timings_seconds.parts.values().sum();
    report.timings_seconds.decode = (report.timings_seconds.total - spent).max(0.0);
    Ok(Analysis { verdict, identity: source.identity(), report })
}

/// Decodes to the end, or unless this is the `last` pass to where a format comes up that holds more than the one so far.
fn run(
    source: &mut Source,
    pass: &mut Pass,
    pulse: &mut Pulse<'_>,
    options: &Options,
    last: bool,
) -> Result<(), Error> {
    while last || pass.wider().is_none() {
        match source.next(&options.limits)? {
            Event::End => break,
            Event::Packet(packet) => {
                pass.packet(packet)?;
                pulse.decoded(pass.seconds());
            }
            Event::NewStream => pass.new_stream(source)?,
            Event::Nothing => pulse.beat(),
        }
    }
    Ok(())
}

/// What a decode is worth.
///
/// - less than a tenth of what was announced is usable: corrupt;
/// - what was announced is shorter than 0.4 s: not applicable; if only so little is left of more: corrupt;
/// - anything is missing, damaged or impossible: partial, unless all of it is silent;
/// - no sample exceeds −60 dBFS: not applicable.
fn verdict(passed: &Passed) -> Result<Verdict, Error> {
    let Judgement { fraction, problems, .. } = &passed.judgement;
    let whole = problems.is_empty();
    if !whole && *fraction < MIN_FRACTION {
        let detail = format!("only {:.1} % is usable: {}", fraction * 100.0, problems.join("; "));
        return Err(Error::Corrupt { detail });
    }
    if passed.report.audio.duration_seconds < MIN_SECONDS {
        return if whole {
            Ok(Verdict::NotApplicable { reason: NotApplicable::TooShort })
        } else {
            Err(Error::Corrupt { detail: format!("too little is left: {}", problems.join("; ")) })
        };
    }
    if passed.peak <= silence::THRESHOLD && passed.judgement.wild_samples == 0 {
        return Ok(Verdict::NotApplicable { reason: NotApplicable::Silence });
    }
    Ok(if whole {
        Verdict::Complete
    } else {
        Verdict::Partial { decoded_fraction: *fraction, detail: problems.join("; ") }
    })
}
