//! Which deliveries of a channel are unsettled: what one `multiple` acknowledgement may cover.

use std::collections::{BTreeMap, BTreeSet};

use shared::broker::lapin::Acker;

use crate::task::Ticket;

/// The unsettled deliveries of one channel. Tags count up from 1 on each channel; a channel that took
/// the place of another one begins an epoch.
#[derive(Debug)]
pub(super) struct Ledger<A = Acker> {
    epoch: u64,
    /// Without its acker: taken out, and its own settlement not sent yet.
    outstanding: BTreeMap<u64, Option<A>>,
    delivered: u64,
}

impl<A> Default for Ledger<A> {
    fn default() -> Self {
        Self { epoch: 0, outstanding: BTreeMap::new(), delivered: 0 }
    }
}

/// One acknowledgement to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ack<A = Acker> {
    pub(super) acker: A,
    /// How many deliveries it settles; over 1 it is sent with `multiple`.
    pub(super) covers: usize,
}

impl<A> Ledger<A> {
    /// Notes a delivery and returns its epoch.
    pub(super) fn received(&mut self, tag: u64, acker: A) -> u64 {
        self.delivered += 1;
        self.outstanding.insert(tag, Some(acker));
        self.epoch
    }

    /// Another channel took the place of this one. The broker has taken back what was unsettled on it.
    pub(super) fn channel_replaced(&mut self) {
        self.epoch += 1;
        self.outstanding.clear();
    }

    /// How many deliveries there were, over all channels.
    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How many of them are unsettled.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Takes one delivery out, to be settled apart; `None` when it was of an earlier channel. Its place is kept until
    /// [`Ledger::settled`]: a `multiple` acknowledgement that reached over it would settle it too, before its retry is
    /// confirmed or instead of giving it back, and the job would be lost.
    pub(super) fn take(&mut self, ticket: &Ticket) -> Option<A> {
        if ticket.epoch == self.epoch { self.outstanding.get_mut(&ticket.tag)?.take() } else { None }
    }

    /// What was taken out has been settled.
    pub(super) fn settled(&mut self, ticket: &Ticket) {
        if ticket.epoch == self.epoch && self.outstanding.get(&ticket.tag).is_some_and(Option::is_none) {
            self.outstanding.remove(&ticket.tag);
        }
    }

    /// How many of the unsettled ones have not been taken out to be settled apart: with the lanes, or ends whose
    /// acknowledgement is on its way.
    pub(super) fn acknowledgeable(&self) -> usize {
        self.outstanding.values().filter(|acker| acker.is_some()).count()
    }

    /// Takes deliveries out and returns the fewest acknowledgements that settle them, with the number of those whose
    /// channel is gone.
    pub(super) fn acks(&mut self, tickets: &[Ticket]) -> (Vec<Ack<A>>, usize) {
        let ours = tickets.iter().filter(|ticket| ticket.epoch == self.epoch);
        let held = |tag: &u64| self.outstanding.get(tag).is_some_and(Option::is_some);
        let tags: BTreeSet<u64> = ours.map(|ticket| ticket.tag).filter(held).collect();
        let lost = tickets.len() - tags.len();
        // `multiple` settles everything up to its tag, so it may reach as far as every delivery up to it is among ours.
        let prefix = self.outstanding.keys().zip(&tags).take_while(|(oldest, ours)| oldest == ours).count();
        let mut acks = Vec::with_capacity(tags.len() - prefix + 1);
        for (place, tag) in tags.into_iter().enumerate() {
            let Some(acker) = self.outstanding.remove(&tag).flatten() else { continue };
            match (place + 1).cmp(&prefix) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => acks.push(Ack { acker, covers: prefix }),
                std::cmp::Ordering::Greater => acks.push(Ack { acker, covers: 1 }),
            }
        }
        (acks, lost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(epoch: u64, tag: u64) -> Ticket {
        Ticket { stream: 0, epoch, tag }
    }

    fn ledger(tags: std::ops::RangeInclusive<u64>) -> Ledger<u64> {
        let mut ledger = Ledger::default();
        tags.for_each(|tag| assert_eq!(ledger.received(tag, tag), 0));
        ledger
    }

    #[test]
    fn a_run_from_the_oldest_is_one_acknowledgement() {
        let mut ledger = ledger(1..=6);
        let (acks, lost) = ledger.acks(&[ticket(0, 5), ticket(0, 2), ticket(0, 1), ticket(0, 3)]);
        assert_eq!(acks, [Ack { acker: 3, covers: 3 }, Ack { acker: 5, covers: 1 }]);
        assert_eq!(lost, 0);
        let (acks, _) = ledger.acks(&[ticket(0, 4), ticket(0, 6)]);
        assert_eq!(acks, [Ack { acker: 6, covers: 2 }]);
    }

    #[test]
    fn a_new_channel_makes_old_tickets_lost() {
        let mut ledger = ledger(1..=3);
        ledger.channel_replaced();
        assert_eq!(ledger.received(1, 1), 1);
        let (acks, lost) = ledger.acks(&[ticket(0, 1), ticket(0, 2), ticket(1, 1)]);
        assert_eq!(acks, [Ack { acker: 1, covers: 1 }]);
        assert_eq!(lost, 2);
        assert_eq!(ledger.take(&ticket(0, 3)), None);
    }

    #[test]
    fn an_acknowledgement_never_reaches_over_what_is_settled_apart() {
        let mut ledger = ledger(1..=4);
        assert_eq!(ledger.take(&ticket(0, 2)), Some(2));
        assert_eq!(ledger.take(&ticket(0, 2)), None);
        assert_eq!((ledger.outstanding(), ledger.acknowledgeable()), (4, 3), "a retry under way is no end");
        // 3 with `multiple` would acknowledge 2, whose retry is not confirmed yet.
        let (acks, _) = ledger.acks(&[ticket(0, 1), ticket(0, 3)]);
        assert_eq!(acks, [Ack { acker: 1, covers: 1 }, Ack { acker: 3, covers: 1 }]);
        ledger.settled(&ticket(0, 2));
        let (acks, _) = ledger.acks(&[ticket(0, 4)]);
        assert_eq!(acks, [Ack { acker: 4, covers: 1 }]);
    }

    proptest! {
        /// Against the broker's own rule: `multiple` settles every unsettled tag up to its own.
        #[test]
        fn exactly_what_was_asked_for_is_settled(
            count in 1u64..40,
            flushes in proptest::collection::vec(proptest::collection::vec(1u64..40, 0..12), 1..6),
        ) {
            let mut ledger = ledger(1..=count);
            let mut broker: BTreeSet<u64> = (1..=count).collect();
            for flush in flushes {
                let asked: BTreeSet<u64> = flush.into_iter().filter(|tag| broker.contains(tag)).collect();
                let tickets: Vec<Ticket> = asked.iter().map(|tag| ticket(0, *tag)).collect();
                let before = broker.clone();
                for ack in ledger.acks(&tickets).0 {
                    if ack.covers > 1 { broker.retain(|tag| *tag > ack.acker) } else { broker.remove(&ack.acker); }
                }
                let settled: BTreeSet<u64> = before.difference(&broker).copied().collect();
                prop_assert_eq!(settled, asked);
            }
        }
    }
}
