//! On which servers a run is held, and so which faults can strike it.

use clap::ValueEnum;
use serde::Serialize;

use super::schedule::Fault;
use crate::corpus::Random;
use crate::rig::BrokerCluster;

/// The servers of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One RabbitMQ, one Redis; every fault of workers, wires and servers
    #[default]
    Single,
    /// RabbitMQ on three nodes, one Redis; nodes are killed and cut off from the others
    RabbitmqCluster,
    /// One RabbitMQ; Redis as a master with two replicas under three sentinels, whose master is killed and stopped
    RedisSentinel,
}

impl Scenario {
    /// Between the beginnings of two faults, seconds. On one server shorter than most faults last, so that they overlap: a broker
    /// that comes back into a world where Redis has just gone is what single faults do not test. A cluster is given the time to
    /// be whole again: it promises to live through the loss of one node, not of two.
    pub(super) const fn gap(self) -> (f64, f64) {
        match self {
            Self::Single => (1.0, 4.0),
            Self::RabbitmqCluster | Self::RedisSentinel => (4.0, 10.0),
        }
    }

    /// ANALYSIS_TIMEOUT of the workers. On single servers lanes are stopped until they run into it. On several nothing stops a lane,
    /// and a machine that is busy with all of them must not fail a slow file.
    pub(super) const fn analysis_timeout(self) -> &'static str {
        match self {
            Self::Single => "6s",
            Self::RabbitmqCluster | Self::RedisSentinel => "2m",
        }
    }

    /// Every kind of fault of a run on several nodes once, on random targets; `None` for a run on single servers.
    pub(super) fn deck(self, random: &mut Random, workers: usize) -> Option<Vec<Fault>> {
        let mut deck = match self {
            Self::Single => return None,
            Self::RabbitmqCluster => {
                let mut node = || random.below(BrokerCluster::NODES);
                vec![Fault::KillNode { node: node() }, Fault::PartitionNode { node: node() }]
            }
            Self::RedisSentinel => vec![Fault::KillMaster, Fault::StopMaster],
        };
        // A node's fault and one beside it in turn.
        let mut worker = || random.below(workers);
        let beside = [
            Fault::KillWorker { worker: worker() },
            Fault::TerminateWorker { worker: worker() },
            Fault::KillProducer,
            Fault::CloseConnections,
        ];
        deck.extend(beside);
        Some(deck)
    }
}
