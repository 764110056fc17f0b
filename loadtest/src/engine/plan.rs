//! What is to arrive, at which level and when. Pure: made before anything starts, and never changed by what happens then.

use shared::job::Priority;

use super::Arrivals;
use crate::corpus::Random;

/// Jobs of one plan: an hour at some hundred a second, and a bound for our own memory.
pub(crate) const MOST_JOBS: usize = 1_000_000;

/// Shares of the three levels, in percent of the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mix(pub(crate) [u8; 3]);

impl Mix {
    /// Everything at the default level.
    pub(crate) const NORMAL: Self = Self([0, 100, 0]);
    /// Some that cannot wait, much that can.
    pub(crate) const USUAL: Self = Self([20, 50, 30]);

    /// The level of each of so many jobs: the shares are exact, the order is drawn.
    fn levels(self, count: usize, random: &mut Random) -> Vec<Priority> {
        let Self([high, normal, _]) = self;
        let until = |percent: u8| count * usize::from(percent) / 100;
        let (high, normal) = (until(high), until(high + normal));
        let mut levels: Vec<Priority> =
            (0..count).map(|place| Priority(u8::from(place >= high) + u8::from(place >= normal))).collect();
        // Fisher and Yates.
        for place in (1..count).rev() {
            levels.swap(place, random.below(place + 1));
        }
        levels
    }
}

/// One job to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Intended {
    /// Seconds since the plan began.
    pub(crate) at: f64,
    pub(crate) level: Priority,
}

/// A stretch of a plan that is reported by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) begins: f64,
    /// Seconds since the plan began; jobs that are to arrive before are its own.
    pub(crate) ends: f64,
    pub(crate) rate: Option<f64>,
}

/// All jobs of one uninterrupted stretch of load, in the order of their arrival.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Intended>,
    pub(crate) segments: Vec<Segment>,
}

impl Plan {
    /// So many at once.
    pub(crate) fn backlog(name: &str, count: usize, mix: Mix, seed: u64) -> Self {
        let mut random = Random::new(seed, name);
        let levels = mix.levels(count.min(MOST_JOBS), &mut random);
        let jobs = levels.into_iter().map(|level| Intended { at: 0.0, level }).collect();
        let segment = Segment { name: name.to_owned(), begins: 0.0, ends: f64::INFINITY, rate: None };
        Self { jobs, segments: vec![segment] }
    }

    /// One rate after another: name, arrivals a second, seconds.
    pub(crate) fn rates(steps: &[(String, f64, f64)], arrivals: Arrivals, mix: Mix, seed: u64) -> Self {
        let (mut begins, mut jobs, mut segments) = (0.0, Vec::new(), Vec::new());
        let mut random = Random::new(seed, "arrivals");
        for (name, rate, seconds) in steps {
            let room = MOST_JOBS - jobs.len();
            let times = arrivals.schedule(*rate, *seconds, &mut random, room);
            let levels = mix.levels(times.len(), &mut random);
            let intended = times.into_iter().zip(levels);
            jobs.extend(intended.map(|(at, level)| Intended { at: begins + at, level }));
            segments.push(Segment { name: name.clone(), begins, ends: begins + seconds, rate: Some(*rate) });
            begins += seconds;
        }
        Self { jobs, segments }
    }

    /// When the last segment is over; 0 for a backlog.
    pub(crate) fn length(&self) -> f64 {
        self.segments.last().map_or(0.0, |segment| if segment.ends.is_finite() { segment.ends } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_levels_are_exact_and_mixed() {
        let plan = Plan::backlog("burst", 500, Mix::USUAL, 1);
        let count = |level| plan.jobs.iter().filter(|job| job.level == Priority(level)).count();
        assert_eq!([0, 1, 2].map(count), [100, 250, 150]);
        let early = plan.jobs[..100].iter().filter(|job| job.level == Priority(0)).count();
        assert!((5..40).contains(&early), "{early}");
        assert_eq!(plan, Plan::backlog("burst", 500, Mix::USUAL, 1));
        assert_ne!(plan, Plan::backlog("burst", 500, Mix::USUAL, 2));
    }

    #[test]
    fn rates_follow_each_other_without_a_gap() {
        let steps = [("low".to_owned(), 10.0, 5.0), ("high".to_owned(), 100.0, 5.0)];
        let plan = Plan::rates(&steps, Arrivals::Even, Mix::NORMAL, 1);
        assert_eq!(plan.jobs.len(), 550);
        assert!(plan.jobs.is_sorted_by(|a, b| a.at <= b.at));
        assert_eq!((plan.segments[1].begins, plan.length()), (5.0, 10.0));
    }
}
