//! Where tasks come from: the receiving half and the settling half of a source. They are apart because settling may
//! wait for a network while the next task is already taken.
//!
//! A source knows neither lanes nor sinks, and bounds by itself how many of its tasks are unsettled at a time: that
//! bound is the pipeline's only one.

use crate::task::{Settlement, Task, Ticket};

pub mod folder;
pub mod memory;
pub mod rabbitmq;

/// The queues of a source and its competitors, at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queues {
    /// Counts the looks; 0 before the first.
    pub look: u64,
    /// Nothing waits in any of them, and others take from them, too: those may be idle.
    pub others_may_be_idle: bool,
    /// More waits in one of them than it has consumers: there is enough for everybody.
    pub plenty: bool,
}

/// The receiving half.
pub trait Receive: Send {
    /// The next task, or `None` when there will be no more. Safe to drop while it waits: no task is lost.
    fn next(&mut self) -> impl Future<Output = Option<Task>> + Send;

    /// Takes no more in for now (`true`), or again (`false`). Tasks already taken still come out of `next`, and one that
    /// waits for a settlement may still be settled.
    fn pause(&mut self, paused: bool);

    /// How many tasks to hold beyond those that are worked on, from now on. A source that has no use for it ignores it.
    fn hold(&mut self, _reserve: usize) {}

    /// How many unsettled tasks of this stream ([`Ticket::stream`]) it means to hold at most; `None` where that does not
    /// change.
    fn window(&self, _stream: usize) -> Option<usize> {
        None
    }

    /// Whether finished tasks whose acknowledgement is on its way fill half of the reserve or more, where so many tasks run
    /// and none waits.
    fn is_crowded(&self, _running: usize) -> bool {
        false
    }

    /// What is known of the queues that it takes from, by the last look at them.
    fn queues(&self) -> Queues {
        Queues::default()
    }

    /// Takes no more in. Tasks already taken still come out of `next`, then `None`.
    fn stop(&mut self) -> impl Future<Output = ()> + Send;
}

/// The settling half.
pub trait Settle: Send {
    /// Settles tasks. What cannot be settled any more (its lease was lost) will be delivered again: it is counted, not an
    /// error.
    fn settle(&mut self, settled: Vec<(Ticket, Settlement)>) -> impl Future<Output = ()> + Send;

    /// Finishes what is under way.
    fn close(self) -> impl Future<Output = ()> + Send;
}
