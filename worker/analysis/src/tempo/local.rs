use super::comb::comb;
use super::tempogram::Tempogram;

/// Tempi tried around the global one: ±8 %, in steps of half a per cent.
const STEPS: i32 = 16;
const STEP: f64 = 1.005;
/// What a change by one step from window to window costs, in units of a correlation.
const CHANGE: f64 = 0.012;

/// The period in the course of a piece that has one tempo but does not keep it exactly.
#[derive(Debug)]
pub(crate) struct Local {
    /// Ratio of the local period to the global one, by window.
    ratios: Vec<f64>,
    hop: f64,
    first: f64,
}

impl Local {
    /// Follows the tempogram from window to window by the path that is best on the whole (Viterbi).
    pub(crate) fn new(tempogram: &Tempogram, period: f64) -> Self {
        let states = (2 * STEPS + 1) as usize;
        let ratio = |state: usize| STEP.powi(state as i32 - STEPS);
        let mut totals = vec![0f64; states];
        let mut back: Vec<Vec<u8>> = Vec::with_capacity(tempogram.windows.len());
        for window in &tempogram.windows {
            let mut next = vec![0f64; states];
            let mut from = vec![0u8; states];
            for state in 0..states {
                let reachable = state.saturating_sub(4)..(state + 5).min(states);
                let cost = |before: usize| CHANGE * before.abs_diff(state) as f64;
                let best = reachable
                    .max_by(|a, b| (totals[*a] - cost(*a)).total_cmp(&(totals[*b] - cost(*b))))
                    .unwrap_or(state);
                let own = if window.is_empty() { 0.0 } else { comb(window, period * ratio(state)) };
                next[state] = totals[best] - cost(best) + own;
                from[state] = best as u8;
            }
            totals = next;
            back.push(from);
        }
        let mut state =
            (0..states).max_by(|a, b| totals[*a].total_cmp(&totals[*b])).unwrap_or(STEPS as usize);
        let mut ratios = Vec::with_capacity(back.len());
        for from in back.iter().rev() {
            ratios.push(ratio(state));
            state = usize::from(from[state]);
        }
        ratios.reverse();
        Self { ratios, hop: tempogram.hop as f64, first: tempogram.first as f64 }
    }

    /// Ratio of the period around a frame to the global one.
    pub(crate) fn ratio(&self, frame: usize) -> f64 {
        let Some(last) = self.ratios.len().checked_sub(1) else { return 1.0 };
        let place = ((frame as f64 - self.first) / self.hop).clamp(0.0, last as f64);
        let below = place as usize;
        let part = place - below as f64;
        self.ratios[below] * (1.0 - part) + self.ratios[(below + 1).min(last)] * part
    }
}
