//! The broker's queues as one worker sees them: every worker shows the same figures.

use metrics::gauge;
use shared::telemetry::metrics as names;
use shared::topology::{QueueDepth, Topology};

/// What the broker says of its queues; those of the levels have a limit, and only what is consumed here or there has consumers.
pub fn queues(depths: &[QueueDepth], topology: &Topology) {
    for depth in depths {
        gauge!(names::QUEUE_DEPTH, "queue" => depth.queue.clone(), "state" => "ready").set(depth.ready);
        if topology.is_consumed(&depth.queue) {
            gauge!(names::QUEUE_CONSUMERS, "queue" => depth.queue.clone()).set(depth.consumers);
        }
    }
}

/// The broker does not say: no figure is better than an old one.
pub fn queues_unknown(topology: &Topology) {
    for queue in topology.queues() {
        if topology.is_consumed(&queue) {
            gauge!(names::QUEUE_CONSUMERS, "queue" => queue.clone()).set(f64::NAN);
        }
        gauge!(names::QUEUE_DEPTH, "queue" => queue, "state" => "ready").set(f64::NAN);
    }
}

/// How many messages each level's queue takes.
pub fn queue_limits(topology: &Topology) {
    for level in topology.levels.iter() {
        gauge!(names::QUEUE_LIMIT, "queue" => topology.level_queue(level)).set(topology.max_size as f64);
    }
}
