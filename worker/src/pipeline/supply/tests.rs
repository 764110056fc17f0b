use shared::job::{BatchId, FileRef, Job, JobId, Levels, RelPath};

use super::*;
use crate::source::Queues;
use crate::task::{FileWork, Ticket};

/// A source with one stream per level, whose reserve is always taken up, and that keeps what it is told.
#[derive(Default)]
struct Crowded {
    held: Vec<usize>,
    lanes: usize,
    queues: Queues,
}

impl Receive for Crowded {
    async fn next(&mut self) -> Option<Task> {
        None
    }

    fn pause(&mut self, _: bool) {}

    fn hold(&mut self, reserve: usize) {
        self.held.push(reserve);
    }

    fn window(&self, _: usize) -> Option<usize> {
        Some(self.lanes + self.held.last().copied().unwrap_or(1))
    }

    fn is_crowded(&self, _: usize) -> bool {
        true
    }

    fn queues(&self) -> Queues {
        self.queues
    }

    async fn stop(&mut self) {}
}

fn task(tag: u64, level: u8, deliveries: u32) -> Task {
    let file = FileRef { root: "r".into(), path: RelPath::new("a").unwrap() };
    let job = Job {
        job_id: JobId::new(),
        batch_id: BatchId::new(),
        priority: Priority(level),
        file,
        attempt: 0,
        force: false,
        submitted_at_ms: 0,
        seen: None,
    };
    let work = FileWork {
        shown: Vec::new(),
        root: None,
        path: job.file.path.clone(),
        attempt: 0,
        force: false,
        deliveries,
        seen: None,
        job: Some(job),
        trace: None,
    };
    Task {
        ticket: Ticket { stream: usize::from(level), epoch: 0, tag },
        level: Priority(level),
        redelivered: deliveries > 0,
        received: Instant::now(),
        work: Work::File(Box::new(work)),
    }
}

struct Bench {
    supply: Supply,
    ready: Ready,
    active: Vec<Active>,
    source: Crowded,
}

impl Bench {
    fn new(lanes: usize, batch_max: usize) -> Self {
        let levels = Levels::new(3).unwrap();
        let policy = Policy {
            lanes,
            batch_size: 10,
            batch_max,
            pace: 100,
            tiers: 0,
            levels,
            aging: None,
            consumer_timeout: None,
        };
        let source = Crowded { lanes, ..Crowded::default() };
        Self { supply: Supply::new(&policy), ready: Ready::new(3, None), active: Vec::new(), source }
    }

    fn wait(&mut self, count: u64, level: u8, deliveries: u32) {
        (0..count).for_each(|tag| self.ready.push(task(tag, level, deliveries)));
    }

    /// All lanes have been at files for so long.
    fn run(&mut self, lanes: usize, age: Duration, level: u8) {
        let begun = Instant::now() - age;
        self.active = vec![Active { begun, level: Priority(level) }; lanes];
    }

    fn looks(&mut self, count: usize) -> Vec<u64> {
        let look = |_| self.supply.look(&mut self.ready, &self.active, &mut self.source);
        (0..count).flat_map(look).map(|task| task.ticket.tag).collect()
    }

    fn news(&mut self, others_may_be_idle: bool, plenty: bool) {
        self.source.queues = Queues { look: self.source.queues.look + 1, others_may_be_idle, plenty };
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn short_files_make_the_reserve_grow_and_long_ones_give_back_what_is_too_much() {
    let mut bench = Bench::new(2, 500);
    let limit = bench.supply.flush_limit();
    for _ in 0..7 {
        (0..100).for_each(|_| bench.supply.ended(Instant::now()));
        bench.supply.note(0, 1, &bench.source);
        assert_eq!(bench.looks(1), [0; 0]);
    }
    assert_eq!(bench.source.held, [10, 20, 40, 80, 160, 320, 500]);
    assert_eq!(limit.load(Ordering::Relaxed), 500);
    // Songs: the windows are small after a second, and what waits beyond them goes back after another, the newest first.
    bench.wait(20, 0, 0);
    bench.wait(30, 1, 0);
    bench.run(2, LONG, 1);
    assert_eq!(bench.looks(8), [0; 0]);
    assert_eq!(bench.source.held.last(), Some(&1));
    let expected: Vec<u64> = (3..20).rev().chain((1..30).rev()).collect();
    assert_eq!(
        bench.looks(1),
        expected,
        "of the level that runs the reserve stays, of the other the lanes' number, too"
    );
    assert_eq!(limit.load(Ordering::Relaxed), 10, "results are stored together as before");
    assert_eq!(bench.looks(100), [0; 0]);
}

#[tokio::test]
async fn lanes_that_work_are_not_starved() {
    let mut bench = Bench::new(2, 500);
    for (waiting, running) in [(0, 2), (5, 2), (5, 1)] {
        (0..100).for_each(|_| bench.supply.ended(Instant::now()));
        bench.supply.note(waiting, running, &bench.source);
        bench.looks(1);
    }
    assert_eq!(bench.source.held, [0; 0]);
}

#[tokio::test]
async fn what_waits_behind_a_long_file_goes_to_others_that_may_be_idle() {
    let mut bench = Bench::new(1, 500);
    bench.run(1, LONG, 1);
    bench.wait(1, 1, 0);
    bench.news(false, false);
    assert_eq!(bench.looks(20), [0; 0], "others have enough to do");
    bench.news(true, false);
    assert_eq!(bench.looks(6), [0; 0]);
    assert_eq!(bench.source.held, [0], "the window is made smaller first");
    assert_eq!(bench.looks(1), [0], "then it goes back");
    // It comes again, and again: three times it was handed out, and then it stays.
    bench.wait(1, 1, 2);
    bench.news(true, false);
    assert_eq!(bench.looks(10), [0]);
    bench.wait(1, 1, 3);
    bench.news(true, false);
    assert_eq!(bench.looks(100), [0; 0]);
    bench.news(false, true);
    bench.looks(1);
    assert_eq!(bench.source.held, [0, 1], "there is enough for everybody");
}

#[tokio::test]
async fn what_starts_soon_stays_although_others_may_be_idle() {
    let mut bench = Bench::new(4, 500);
    (0..100).for_each(|_| bench.supply.ended(Instant::now() - Duration::from_millis(500)));
    bench.run(4, Duration::from_millis(100), 1);
    bench.wait(4, 1, 0);
    bench.news(true, false);
    assert_eq!((bench.looks(4), bench.source.held), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_fixed_reserve_is_kept_whatever_happens() {
    let mut bench = Bench::new(1, 1);
    bench.source.held.push(10);
    bench.run(1, LONG, 1);
    bench.wait(10, 1, 0);
    bench.news(true, false);
    assert_eq!(bench.looks(100), [0; 0]);
    assert_eq!(bench.source.held, [10]);
}
