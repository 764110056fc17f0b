//! Tasks from memory: a bounded source that keeps what it is told, for tests of the pipeline and as the plainest example.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::{Queues, Receive, Settle};
use crate::task::{Settlement, Task, Ticket};

/// The receiving half.
#[derive(Debug)]
pub struct MemoryReceiver {
    tasks: mpsc::Receiver<Task>,
    paused: bool,
}

/// What was settled, in order.
#[derive(Debug, Clone, Default)]
pub struct Settled(Arc<Mutex<Vec<(Ticket, Settlement)>>>);

/// A source fed through the sender; at most `bound` tasks wait in it. It ends when the sender is dropped.
#[must_use]
pub fn source(bound: usize) -> (mpsc::Sender<Task>, MemoryReceiver, Settled) {
    let (sender, tasks) = mpsc::channel(bound);
    (sender, MemoryReceiver { tasks, paused: false }, Settled::default())
}

impl Settled {
    /// What was settled since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<(Ticket, Settlement)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Receive for MemoryReceiver {
    async fn next(&mut self) -> Option<Task> {
        if self.paused { std::future::pending().await } else { self.tasks.recv().await }
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Its window never changes.
    fn hold(&mut self, _: usize) {}

    fn window(&self, _: usize) -> Option<usize> {
        None
    }

    fn is_crowded(&self, _: usize) -> bool {
        false
    }

    fn queues(&self) -> Queues {
        Queues::default()
    }

    async fn stop(&mut self) {
        self.tasks.close();
    }
}

impl Settle for Settled {
    async fn settle(&mut self, settled: Vec<(Ticket, Settlement)>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(settled);
    }

    async fn close(self) {}
}
