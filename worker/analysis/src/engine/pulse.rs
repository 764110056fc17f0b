//! Signs of life.

use crate::Progress;
use crate::open::Extent;
use std::time::{Duration, Instant};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Time between two signs: often enough for a progress bar, seldom enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(250);

/// Tells the caller how far the work is.
pub(crate) struct Pulse<'a> {
    tell: &'a mut dyn FnMut(Progress),
    progress: Progress,
    last: Instant,
}

impl<'a> Pulse<'a> {
    /// Gives the first sign at once.
    pub(crate) fn new(tell: &'a mut dyn FnMut(Progress), extent: Extent) -> Self {
        let total = extent.total.filter(|total| !total.is_zero());
        let progress = Progress { decoded_seconds: 0.0, total_seconds: total.map(|total| total.seconds()) };
        tell(progress);
        Self { tell, progress, last: Instant::now() }
    }

    /// So much audio was decoded, in seconds. Timestamps do not count: a damaged or hostile file may leap to any of them.
    pub(crate) fn decoded(&mut self, seconds: f64) {
        self.progress.decoded_seconds = seconds;
        self.beat();
    }

    /// A packet was read, and is not decoded.
    pub(crate) fn at_packet(&mut self, packet: &Packet, base: Option<TimeBase>) {
        if let Some(base) = base {
            let end = packet.pts.get().saturating_add_unsigned(packet.dur.get()).max(0);
            self.progress.decoded_seconds =
                end as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get());
        }
        self.beat();
    }

    /// Something was done.
    pub(crate) fn beat(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.last) >= INTERVAL {
            self.last = now;
            (self.tell)(self.progress);
        }
    }
}
