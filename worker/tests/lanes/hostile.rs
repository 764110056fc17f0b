//! An engine that does what the file's name says.

use std::hint::black_box;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant, SystemTime};

use analysis::Progress;
use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};
use shared::outcome::FailureKind;
use worker::lanes::{Analysed, Cached, Engine, EngineOptions, Identified, LaneFailure, Target};

/// What `slow.wav` takes: more than the tests' time-out, less than its audio of an hour is allowed.
const SLOW: Duration = Duration::from_millis(2500);

/// Below the tests' time-out.
const SLEEP: Duration = Duration::from_millis(500);

const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Hostile;

impl Engine for Hostile {
    fn identify(
        &mut self,
        target: &Target,
        _: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Identified, LaneFailure> {
        behave(target, on_progress)?;
        let identity = "0123456789abcdef0123456789abcdef".parse();
        let identity = identity.map_err(|error| failure(FailureKind::Internal, &error))?;
        Ok(Identified {
            identity,
            tags: None,
            bytes: 1,
            modified: SystemTime::UNIX_EPOCH,
            cached: Cached::Unknown,
        })
    }

    fn analyze(
        &mut self,
        target: &Target,
        _: &EngineOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Analysed, LaneFailure> {
        behave(target, on_progress)?;
        Err(failure(FailureKind::Unsupported, &"no reports here"))
    }
}

fn behave(target: &Target, on_progress: &mut dyn FnMut(Progress)) -> Result<(), LaneFailure> {
    let mut at = |decoded_seconds, total_seconds| on_progress(Progress { decoded_seconds, total_seconds });
    match target.path.to_string().as_str() {
        "ok.wav" => Ok(()),
        "corrupt.wav" => Err(failure(FailureKind::Corrupt, &"as its name says")),
        "hang.wav" => {
            announce(target)?;
            loop {
                std::thread::park();
            }
        }
        "stuck.wav" => loop {
            at(5.0, Some(3600.0));
            std::thread::sleep(TICK);
        },
        "drip.wav" => {
            for tick in 0.. {
                at(f64::from(tick), None);
                std::thread::sleep(TICK);
            }
            Ok(())
        }
        "crawl.wav" => {
            let started = Instant::now();
            loop {
                at(started.elapsed().as_secs_f64(), Some(172_800.0));
                std::thread::sleep(TICK);
            }
        }
        "flood.wav" => {
            let message = serde_json::json!({"Progress": {"decoded_seconds": 5.0, "total_seconds": null}});
            let body =
                rmp_serde::to_vec_named(&message).map_err(|error| failure(FailureKind::Internal, &error))?;
            let frame = [&(body.len() as u32).to_le_bytes()[..], &body].concat();
            loop {
                say(&frame);
            }
        }
        "slow.wav" => {
            let started = Instant::now();
            while started.elapsed() < SLOW {
                at(started.elapsed().as_secs_f64() * 1000.0, Some(3600.0));
                std::thread::sleep(TICK);
            }
            Ok(())
        }
        "until-done.wav" => {
            let started = Instant::now();
            while !target.root.join("done").exists() {
                at(started.elapsed().as_secs_f64() * 1000.0, Some(36_000.0));
                std::thread::sleep(TICK);
            }
            Ok(())
        }
        "inside.wav" => peek(&target.root.join("inside.wav")),
        #[cfg(target_os = "linux")]
        name if name.starts_with("call-") || name.starts_with("attack-") => attack(name, target),
        "write.wav" => match std::fs::write(target.root.join("write.wav"), "x") {
            Ok(()) => Ok(()),
            Err(error) => Err(failure(FailureKind::Denied, &error)),
        },
        other => fall(other),
    }
}

/// Makes `call-NUMBER.wav` or `attack-NAME.PARENT.wav`, with the process to be attacked. A call that was refused is `denied`; one that the kernel made is `io`, with
/// what came of it.
#[cfg(target_os = "linux")]
fn attack(name: &str, target: &Target) -> Result<(), LaneFailure> {
    use crate::attacks::{ATTACKS, Scene, by_number};
    let unknown = || failure(FailureKind::NotFound, &name);
    let name = name.strip_suffix(".wav").ok_or_else(unknown)?;
    let made = match name.strip_prefix("call-") {
        Some(number) => by_number(number.parse().map_err(|_| unknown())?),
        None => {
            let (attack, parent) = name["attack-".len()..].split_once('.').ok_or_else(unknown)?;
            let (_, attack) = ATTACKS.iter().find(|(known, _)| *known == attack).ok_or_else(unknown)?;
            let parent = parent.parse().map_err(|_| unknown())?;
            Scene::new(&target.root, parent).and_then(|scene| attack(&scene))
        }
    };
    let refused = |code: Option<i32>| matches!(code, Some(libc::ENOSYS | libc::EACCES));
    Err(match made {
        Err(error) if refused(error.raw_os_error()) => failure(FailureKind::Denied, &error),
        other => failure(FailureKind::Io, &format!("{other:?}")),
    })
}

/// Opens a file, past all that the product does to keep it from that.
fn peek(path: &std::path::Path) -> Result<(), LaneFailure> {
    std::fs::File::open(path).map(drop).map_err(|error| failure(FailureKind::Denied, &error))
}

fn fall(name: &str) -> Result<(), LaneFailure> {
    match name {
        "abort.wav" => std::process::abort(),
        "abort-in-a-thread.wav" => drop(std::thread::spawn(|| std::process::abort()).join()),
        "sleep.wav" => std::thread::sleep(SLEEP),
        "exit.wav" => std::process::exit(3),
        "kill.wav" => drop(kill_process(getpid(), Signal::KILL)),
        "alloc.wav" => drop(black_box(vec![1_u8; 4 << 30])),
        "roomy.wav" => drop(black_box(vec![1_u8; 32 << 20])),
        "leak.wav" => std::mem::forget(black_box(vec![1_u8; 64 << 20])),
        "stack.wav" => drop(black_box(deeper(1))),
        "panic.wav" => assert!(name.is_empty(), "the sky\nfell"),
        "socket.wav" => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        "exec.wav" => drop(std::process::Command::new("/bin/true").exec()),
        "spawn.wav" => drop(std::process::Command::new("/bin/true").spawn()),
        "shoot.wav" => drop(test_kill_process(Pid::INIT)),
        "thread.wav" => drop(std::thread::spawn(|| black_box(vec![1_u8; 1 << 20])).join()),
        "outside.wav" => return peek(std::path::Path::new("/etc/hostname")),
        "environ.wav" => return peek(std::path::Path::new("/proc/self/environ")),
        "long-frame.wav" => say(&u32::MAX.to_le_bytes()),
        "garbage-frame.wav" => say(&[3, 0, 0, 0, 0xc1, 0xc1, 0xc1]),
        _ => return Err(failure(FailureKind::NotFound, &name)),
    }
    Ok(())
}

/// Tells the test that it is under way: the other end of the named pipe beside the file, if there is one.
fn announce(target: &Target) -> Result<(), LaneFailure> {
    let pipe = target.root.join("under-way");
    if pipe.exists() {
        std::fs::OpenOptions::new()
            .write(true)
            .open(pipe)
            .and_then(|mut pipe| pipe.write_all(b"!"))
            .map_err(|error| failure(FailureKind::Io, &error))?;
    }
    Ok(())
}

fn say(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(bytes).and_then(|()| out.flush()));
}

fn deeper(level: u64) -> u64 {
    let frame = black_box([level; 128]);
    if level == 0 { 0 } else { deeper(level + 1) + frame[0] }
}

fn failure(kind: FailureKind, detail: &impl ToString) -> LaneFailure {
    LaneFailure { kind, detail: detail.to_string() }
}
