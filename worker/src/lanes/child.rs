//! The lane itself: a process that answers one request at a time on its standard input and output until its parent is gone.
//!
//! It knows no queue, no store and no settings but those in its set-up frame. Whatever goes wrong in it may end it; what
//! that means for the job is the parent's to say (`exit`).

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant};

use analysis::Progress;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, Signal};
use shared::outcome::FailureKind;

use super::engine::AnalysisEngine;
use super::protocol::{self, FrameError, Request, Response, Setup};
use super::{Engine, EngineOptions, LaneFailure};

mod confine;
mod panics;
mod roots;

use confine::{Confined, confine};
use panics::LastPanic;

/// The argument that makes a worker a lane; it is in no help.
pub const COMMAND: &str = "lane";

/// Exit code after a panic, the one that an unwinding `main` would give.
const PANICKED: u8 = 101;

/// Exit code for a conversation that is none of ours (`EX_PROTOCOL` of sysexits.h).
const PROTOCOL: i32 = 76;

/// Waits and exits: small, because its stack counts as the lane's memory.
const WATCHER_STACK_BYTES: usize = 64 << 10;

/// `worker lane`: serves the analysis.
#[must_use]
pub fn main() -> ExitCode {
    serve(AnalysisEngine::default())
}

/// Serves an engine on standard input and output, until the parent closes them.
#[must_use]
pub fn serve(mut engine: impl Engine) -> ExitCode {
    match prepare().and_then(|()| work(&mut engine)) {
        Ok(code) => code,
        // The parent is gone, or will read this at debug level among our last words.
        Err(error) => fail(&error),
    }
}

fn fail(error: &FrameError) -> ! {
    let _ = io::Write::write_all(&mut io::stderr(), format!("lane: {error}\n").as_bytes());
    exit(PROTOCOL)
}

fn prepare() -> Result<(), FrameError> {
    // The parent's end also closes our input, which `end_with_parent` sees; this is for a lane that cannot run even that. The
    // signal goes out when the *thread* that started us ends: see `spawner`.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    #[cfg(target_os = "linux")]
    rustix::thread::set_name(c"worker-lane").map_err(io::Error::from)?;
    // Ctrl-C does not reach us, we are a process group of our own. But a service manager that stops a unit signals each
    // process in it (systemd's KillMode=control-group, the default), and the drain is to finish what runs: whether a
    // lane ends is its parent's decision, by SIGKILL.
    signal_hook::flag::register(Signal::TERM.as_raw(), std::sync::Arc::default())?;
    Ok(())
}

/// The set-up first, in the only thread there is, because what a thread takes from itself others that run already keep.
fn work(engine: &mut impl Engine) -> Result<ExitCode, FrameError> {
    let last_panic = LastPanic::capture();
    let mut input = BufReader::new(io::stdin());
    let setup = match protocol::read(&mut input)? {
        Some(Request::Setup(setup)) => setup,
        Some(_) => return Ok(ExitCode::FAILURE),
        None => return Ok(ExitCode::SUCCESS),
    };
    let confined = match apply(&setup) {
        Ok(confined) => confined,
        Err(detail) => {
            write(&Response::Refused { detail })?;
            return Ok(ExitCode::FAILURE);
        }
    };
    end_with_parent()?;
    write(&Response::Ready { confinement: confined.report.clone() })?;
    converse(engine, &mut input, &setup, &confined, &last_panic)
}

/// Ends this process when the parent closes its end of the pipe, even while a decoder hangs. It asks for no event, so that
/// only the end wakes it: a thread that read the requests and handed them over would be woken for each, twice.
fn end_with_parent() -> io::Result<()> {
    let wait = || {
        loop {
            match poll(&mut [PollFd::new(&rustix::stdio::stdin(), PollFlags::empty())], None) {
                Ok(_) => exit(0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => fail(&io::Error::from(error).into()),
            }
        }
    };
    let builder = std::thread::Builder::new().name("parent".to_owned()).stack_size(WATCHER_STACK_BYTES);
    builder.spawn(wait).map(drop)
}

fn converse(
    engine: &mut impl Engine,
    input: &mut impl Read,
    setup: &Setup,
    confined: &Confined,
    last_panic: &LastPanic,
) -> Result<ExitCode, FrameError> {
    while let Some(request) = protocol::read(input)? {
        match &request {
            Request::Forget => {
                engine.forget();
                continue;
            }
            Request::GiveBack(target) => {
                engine.give_back(target, &setup.engine);
                continue;
            }
            _ => {}
        }
        if let Request::Identify(target) | Request::Analyze { target, .. } | Request::ReadAhead { target, .. } =
            &request
            && confined.is_stale(&target.root)
        {
            // Its parent ends it: an end by itself would count as a crash.
            write(&Response::Stale)?;
            continue;
        }
        // The engine is not used again after a panic.
        match catch_unwind(AssertUnwindSafe(|| answer(engine, request, setup))) {
            Ok(response) => write(&response)?,
            Err(_) => {
                write(&Response::Panicked { detail: last_panic.take() })?;
                return Ok(ExitCode::from(PANICKED));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A lane holds three pipes, a root and a file; the rest is room for the C library. It takes more while it confines itself.
const OPEN_FILES: u64 = 32;

fn apply(setup: &Setup) -> Result<Confined, String> {
    // Not RLIMIT_AS: address space that is only reserved costs nothing, and allocators reserve a lot of it.
    limit(Resource::Data, setup.memory_bytes, "memory")?;
    // It writes no file and no core.
    limit(Resource::Core, 0, "core")?;
    limit(Resource::Fsize, 0, "file size")?;
    if setup.nice != 0 {
        rustix::process::setpriority_process(None, setup.nice)
            .map_err(|error| format!("the scheduling priority {} cannot be set: {error}", setup.nice))?;
    }
    bind_to(&setup.affinity)?;
    // The last: nothing of the above is allowed any more afterwards.
    let readable = setup.readable.as_ref().map(|roots| roots.iter().map(|root| root.0.clone()).collect());
    confine(setup.confinement, readable, || limit(Resource::Nofile, OPEN_FILES, "open files"))
}

/// Leaves all other processors to others. The lane is one thread still, and those that come after inherit it.
#[cfg(target_os = "linux")]
fn bind_to(processors: &[usize]) -> Result<(), String> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    if processors.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    // The setting knows no larger numbers than the set holds.
    processors.iter().for_each(|number| set.set(*number));
    sched_setaffinity(None, &set)
        .map_err(|error| format!("the processors of WORKER_CPU_AFFINITY cannot be had: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn bind_to(processors: &[usize]) -> Result<(), String> {
    match processors {
        [] => Ok(()),
        _ => Err("WORKER_CPU_AFFINITY is for Linux only".to_owned()),
    }
}

/// Sets a limit for good, or keeps a lower one.
fn limit(resource: Resource, value: u64, name: &str) -> Result<(), String> {
    let hard = rustix::process::getrlimit(resource).maximum;
    let limit = Some(hard.map_or(value, |hard| hard.min(value)));
    rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })
        .map_err(|error| format!("the {name} limit of {value} cannot be set: {error}"))
}

fn answer(engine: &mut impl Engine, request: Request, setup: &Setup) -> Response {
    let mut progress = progress_writer(setup.progress_every);
    let result = match request {
        Request::Identify(target) => engine
            .identify(&target, &setup.engine, &mut progress)
            .map(|identified| Response::Identified(Box::new(identified))),
        Request::Analyze { target, features } => {
            let features = features.unwrap_or(setup.engine.features);
            let options = EngineOptions { features, ..setup.engine.clone() };
            let analysed = engine.analyze(&target, &options, &mut progress);
            analysed.map(|analysed| Response::Analysed(Box::new(analysed)))
        }
        Request::ReadAhead { target, at_most } => {
            engine.read_ahead(&target, at_most, &setup.engine).map(Response::ReadAhead)
        }
        Request::Setup(_) | Request::Forget | Request::GiveBack(_) => {
            Err(LaneFailure { kind: FailureKind::Internal, detail: "a lane was set up twice".to_owned() })
        }
    };
    result.unwrap_or_else(Response::Failed)
}

/// Tells the parent how far the work is, now and then. That the parent is gone shows in the next frame.
fn progress_writer(every: Duration) -> impl FnMut(Progress) {
    let mut next = Instant::now();
    move |progress| {
        let now = Instant::now();
        if now < next {
            return;
        }
        next = now + every;
        let Progress { decoded_seconds, total_seconds } = progress;
        if let Err(error) = write(&Response::Progress { decoded_seconds, total_seconds }) {
            fail(&error);
        }
    }
}

fn write(response: &Response) -> Result<(), FrameError> {
    let frame = match protocol::encode(response) {
        Err(error @ (FrameError::TooLong(_) | FrameError::Unwritable(_))) => {
            let detail = format!("the answer cannot be sent: {error}");
            protocol::encode(&Response::Failed(LaneFailure { kind: FailureKind::Internal, detail }))?
        }
        frame => frame?,
    };
    // Past std's line buffer, which would cut a frame at each byte that happens to be a newline.
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(())
}
