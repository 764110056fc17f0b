//! Lanes against engines that do their worst, and against real files.
//!
//! Not libtest: started with `lane` this program is a lane itself, and a lane's output is a protocol. Arguments that do
//! not start with `-` select tests whose names contain them.

#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod calls;
mod confinement;
mod hostile;
mod memory;
mod outcomes;
mod pool;
mod process;
mod real;
mod support;

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

type Test = fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// Far above what any test needs: it turns a hang into a failure with a name.
const TEST_LIMIT: Duration = Duration::from_secs(120);

macro_rules! tests {
    ($($(#[$when:meta])? $path:path,)+) => { &[$($(#[$when])? (stringify!($path), || Box::pin($path()))),+] };
}

const TESTS: &[(&str, Test)] = tests![
    outcomes::every_end_is_told_apart_and_harms_no_neighbour,
    outcomes::a_confined_lane_s_ends_are_told_apart_as_well,
    outcomes::a_confined_lane_survives_being_stopped,
    outcomes::the_limits_of_time_are_told_apart,
    outcomes::work_that_advances_may_take_its_time,
    outcomes::a_failed_file_costs_no_lane,
    outcomes::a_spent_lane_says_so,
    pool::waits_for_a_free_lane,
    pool::a_request_that_is_dropped_takes_its_process_along,
    pool::a_lane_killed_while_idle_is_not_the_next_file_s_fault,
    pool::a_lane_that_grew_is_replaced,
    pool::stop_lets_what_runs_finish,
    pool::stop_with_kill_interrupts,
    pool::dropping_the_pool_kills_every_lane,
    pool::outlives_the_thread_that_started_it,
    pool::what_cannot_start_says_why,
    process::has_nothing_but_its_pipes,
    process::outlives_a_service_manager_s_signal,
    process::dies_with_its_parent,
    process::dies_with_its_input_while_its_engine_hangs,
    confinement::reads_below_its_roots_and_nothing_else,
    confinement::a_call_that_no_decoder_makes_is_the_end_of_it,
    confinement::a_root_that_was_mounted_later_takes_a_fresh_lane,
    confinement::the_worker_itself_is_confined,
    confinement::any_number_of_roots_is_let_through,
    #[cfg(target_os = "linux")]
    confinement::keeps_no_privilege_but_to_read,
    #[cfg(target_os = "linux")]
    confinement::a_layer_that_fails_is_an_error_unless_the_setting_allows_it,
    #[cfg(target_os = "linux")]
    calls::no_call_but_those_it_needs_succeeds,
    #[cfg(target_os = "linux")]
    calls::no_attack_changes_anything,
    #[cfg(target_os = "linux")]
    calls::a_lane_that_is_not_confined_can_be_misused,
    #[cfg(target_os = "linux")]
    calls::what_a_library_may_try_costs_no_lane,
    real::confinement_changes_no_report,
    real::the_worker_serves_as_a_lane,
    real::a_file_is_read_ahead_and_given_back,
    real::every_sample_has_its_end,
    memory::a_song_takes_little_memory,
    memory::a_mix_of_two_hours_takes_little_more,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    match arguments.nth(1).as_deref() {
        Some("lane") => return worker::lanes::child::serve(hostile::Hostile),
        Some("parent") => return process::be_a_parent(arguments),
        _ => {}
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut out = std::io::stdout().lock();
    let mut failures = 0;
    for (name, test) in TESTS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let end = run(*test);
        let _ = match &end {
            Ok(()) => writeln!(out, "test {name} ... ok"),
            Err(error) => writeln!(out, "test {name} ... FAILED: {error:#}"),
        };
        failures += usize::from(end.is_err());
    }
    ExitCode::from(u8::from(failures > 0))
}

fn run(test: Test) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(TEST_LIMIT, test()).await??;
        anyhow::ensure!(!support::has_children(), "a child process is left");
        Ok(())
    })
}
