//! Signals other than SIGTERM and SIGINT (`drain`).

use rustix::process::Signal;
use shared::job::BatchId;

use crate::harness::{Fleet, Worker};

#[tokio::test]
async fn a_closed_terminal_drains() {
    let fleet = Fleet::with(&[]).await;
    // The tests themselves may run under nohup.
    let starter = ["/bin/sh", "-c", "env --default-signal=HUP \"$@\"; exit $?", "sh"];
    let mut worker = Worker::ready_under(&fleet, &starter, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 3)).await;
    worker.holds(2, 1).await;
    worker.signal(Signal::HUP);
    let line = worker.log.says("stopping: finishing what runs").await;
    assert_eq!(line["signal"], "SIGHUP", "{line}");
    fleet.queues_hold(2).await;
    lanes[0].thaw();
    assert_eq!(worker.exit().await.code(), Some(0));
    assert_eq!(fleet.done(batch).await, 1);
}

#[tokio::test]
async fn under_nohup_a_closed_terminal_is_ignored() {
    let fleet = Fleet::with(&[]).await;
    // What nohup does.
    let starter = ["/bin/sh", "-c", "trap '' HUP; \"$@\"; exit $?", "sh"];
    let mut worker = Worker::ready_under(&fleet, &starter, &[]).await;
    worker.signal(Signal::HUP);
    // Signals are taken in the order of their numbers: SIGHUP is 1.
    worker.signal(Signal::TERM);
    let line = worker.log.says("stopping: finishing what runs").await;
    assert_eq!(line["signal"], "SIGTERM", "{line}");
    assert_eq!(worker.exit().await.code(), Some(0));
    assert_eq!(worker.log.count("second signal"), 0);
}

#[tokio::test]
async fn signals_that_mean_nothing_are_ignored_and_logged() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        worker.signal(signal);
        let line = worker.log.says_with("ignored: it means nothing", "signal", name).await;
        assert_eq!(line["level"], "INFO", "{line}");
    }
    worker.signal(Signal::PIPE);
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 3)).await;
    fleet.ends(batch, 3).await;
    worker.stop().await;
}
