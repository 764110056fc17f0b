use super::*;

const RATE: u32 = 100_000;

fn account(total: Option<u64>, exact: bool) -> Account {
    let mut account = Account::new(true);
    account.begin(TimeBase::try_from_recip(RATE), total.map(|it| Span::frames(it, RATE)), exact);
    account.set_rate(RATE);
    account
}

fn packets(account: &mut Account, places: impl IntoIterator<Item = i64>) {
    places.into_iter().for_each(|place| account.decoded(place * 10_000, 10_000, Damage::default()));
}

#[test]
fn all_that_was_promised_is_complete() {
    let mut books = account(Some(100_000), true);
    packets(&mut books, 0..10);
    let judgement = books.judge(100_000, &Seen::default(), None);
    assert_eq!(judgement, Judgement { fraction: 1.0, ..Judgement::default() });
}

#[test]
fn a_jump_of_the_timestamps_is_a_gap() {
    let mut books = account(None, false);
    packets(&mut books, [0, 1, 2, 5, 6, 9]);
    let judgement = books.judge(60_000, &Seen::default(), None);
    assert_eq!((judgement.gaps, judgement.fraction), (2, 0.6));
    assert_eq!(judgement.problems, ["0.40 s of 1.00 s are missing", "2 gaps in the stream"]);
}

#[test]
fn a_missing_end_is_only_seen_by_the_promise() {
    let mut books = account(Some(100_000), false);
    packets(&mut books, 0..4);
    let judgement = books.judge(40_000, &Seen { cut: true, ..Seen::default() }, None);
    assert_eq!(judgement.problems, ["0.60 s of 1.00 s are missing", "the file breaks off"]);
    assert!((judgement.fraction - 0.4).abs() < 1e-9);
}

#[test]
fn a_cut_without_a_promise_leaves_less_than_all() {
    let mut books = account(None, false);
    packets(&mut books, 0..4);
    let judgement = books.judge(40_000, &Seen { cut: true, ..Seen::default() }, None);
    assert!((judgement.fraction - CUT_FRACTION).abs() < 1e-9);
}

#[test]
fn small_differences_pass_where_frames_are_not_counted() {
    let judged = |exact| {
        let mut books = account(Some(104_000), exact);
        packets(&mut books, 0..10);
        books.judge(100_000, &Seen::default(), None)
    };
    assert!(judged(false).problems.is_empty());
    assert_eq!(judged(true).problems, ["0.04 s of 1.04 s are missing"]);
}

#[test]
fn failed_packets_are_missing_audio() {
    let mut books = account(None, false);
    packets(&mut books, 0..4);
    books.failed(10_000, "bad".to_owned(), false);
    packets(&mut books, 5..9);
    books.failed(10_000, "worse".to_owned(), false);
    let judgement = books.judge(80_000, &Seen::default(), None);
    assert_eq!(judgement.decode_errors, 2);
    assert!((judgement.fraction - 0.8).abs() < 1e-9);
    assert_eq!(judgement.problems[2], "2 packets could not be decoded (bad)");
}

#[test]
fn a_stream_cut_from_another_may_begin_with_failures() {
    let mut books = account(None, false);
    books.failed(10_000, "refers to data before".to_owned(), false);
    assert_eq!(books.nothing_decoded(), Some((false, "refers to data before".to_owned())));
    packets(&mut books, 1..9);
    assert_eq!(books.nothing_decoded(), None);
    let judgement = books.judge(80_000, &Seen::default(), None);
    assert!(judgement.problems.is_empty());

    let mut books = Account::new(false);
    books.begin(TimeBase::try_from_recip(RATE), None, true);
    books.set_rate(RATE);
    books.failed(10_000, "refers to nothing".to_owned(), false);
    packets(&mut books, 1..9);
    let judgement = books.judge(80_000, &Seen::default(), None);
    assert_eq!(judgement.problems, ["1 packet could not be decoded (refers to nothing)"]);
}

#[test]
fn damaged_frames_are_not_usable() {
    let mut books = account(Some(20_000), true);
    packets(&mut books, [0]);
    books.decoded(10_000, 10_000, Damage { wild_samples: 3, frames: 10_000 });
    let judgement = books.judge(20_000, &Seen::default(), None);
    assert!((judgement.fraction - 0.5).abs() < 1e-9);
    assert_eq!(judgement.problems, ["3 impossible samples silenced"]);
}

#[test]
fn bytes_between_the_frames_are_missing_audio() {
    let judged = |bytes| {
        let mut books = account(None, false);
        packets(&mut books, 0..10);
        books.judge(100_000, &Seen { bytes, ..Seen::default() }, Some(1000)).fraction
    };
    assert!((judged(990) - 1.0).abs() < 1e-9);
    assert!((judged(800) - 0.8).abs() < 1e-2);
}

#[test]
fn streams_in_a_chain_add_up() {
    let mut books = account(Some(40_000), true);
    packets(&mut books, 0..4);
    books.begin(TimeBase::try_from_recip(RATE), Some(Span::frames(40_000, RATE)), true);
    packets(&mut books, 50..54);
    let judgement = books.judge(80_000, &Seen::default(), None);
    assert!(judgement.problems.is_empty());
}
