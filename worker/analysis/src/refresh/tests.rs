use super::*;
use crate::features::ALL;
use crate::{Input, Options, analyze};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

fn analysed(features: Features) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples/waltz.flac");
    let input = Input { file: std::fs::File::open(path).unwrap(), extension: Some("flac".to_owned()) };
    let options = Options { features, ..Options::default() };
    analyze(input, &options, &mut |_| {}).unwrap().report
}

static FULL: LazyLock<Report> = LazyLock::new(|| analysed(Features::ALL));

fn measured() -> Vec<Feature> {
    ALL.into_iter().filter(|feature| feature.version().is_some()).collect()
}

/// The full report as an analyser would have left it that had older versions of these features. What is stale in it is
/// gone, so that a merge which keeps too much or takes too much is seen.
fn older(features: &[Feature]) -> (Report, Features) {
    let mut report = FULL.clone();
    for feature in features {
        *report.versions.parts.get_mut(feature.name()).unwrap() -= 1;
    }
    let Staleness::Parts(stale) = staleness(Features::ALL, &report) else { panic!("{features:?}") };
    let mut nowhere = Report::default();
    stale.iter().for_each(|feature| take(feature, &mut report, &mut nowhere));
    (report, stale)
}

fn timeless(report: &Report) -> Report {
    Report { timings_seconds: report::Timings::default(), ..report.clone() }
}

#[test]
fn the_versions_of_a_report_are_those_of_the_features() {
    let table = measured().into_iter().map(|it| (it.name().to_owned(), it.version().unwrap())).collect();
    assert_eq!(FULL.versions.parts, table);
    assert_eq!(staleness(Features::ALL, &FULL), Staleness::Current);
}

#[test]
fn a_report_whose_one_part_is_old_becomes_that_of_today() {
    for feature in measured() {
        let (known, stale) = older(&[feature]);
        assert!(stale.contains(feature), "{feature:?}");
        assert_ne!(timeless(&known), timeless(&FULL));
        let merged = merge(&known, analysed(stale), stale).unwrap();
        let wanted = Report { tags: merged.tags.clone(), ..FULL.clone() };
        assert_eq!(timeless(&merged), timeless(&wanted), "{feature:?}");
    }
}

#[test]
fn what_is_made_from_an_old_part_is_old_too() {
    let names = |features: &[Feature]| older(features).1.to_string();
    assert_eq!(names(&[Feature::Waveform]), "waveform");
    assert_eq!(names(&[Feature::Tempo]), "tempo,descriptors,similarity");
    assert_eq!(names(&[Feature::Spectral]), "spectral,descriptors,structure,similarity");
    assert_eq!(names(&[Feature::Descriptors]), "descriptors,similarity");
}

#[test]
fn only_what_is_asked_for_is_looked_at() {
    let mut known = FULL.clone();
    known.versions.parts.remove("waveform");
    let asked: Features = "tags,tempo".parse().unwrap();
    assert_eq!(staleness(asked, &known), Staleness::Current);
    assert_eq!(staleness(Features::ALL, &known), Staleness::Parts("waveform".parse().unwrap()));
}

#[test]
fn other_samples_make_everything_stale_and_a_newer_analyser_nothing() {
    let with = |change: fn(&mut Report)| {
        let mut known = FULL.clone();
        change(&mut known);
        staleness(Features::ALL, &known)
    };
    assert_eq!(with(|it| it.versions.decoder = "symphonia-0.6.2".into()), Staleness::Whole);
    assert_eq!(with(|it| it.versions.analysis = VERSION.replacen('5', "4", 1)), Staleness::Whole);
    assert_eq!(with(|it| it.versions.analysis = VERSION.replacen('5', "10", 1)), Staleness::Current);
    assert_eq!(with(|it| it.versions.analysis.clear()), Staleness::Whole);
    assert_eq!(with(|it| it.schema_version += 1), Staleness::Whole);
    let newer = |it: &mut Report| it.versions.parts.values_mut().for_each(|version| *version += 1);
    assert_eq!(with(newer), Staleness::Current);
}

#[test]
fn reports_of_other_audio_are_not_merged() {
    let mut other = FULL.clone();
    other.audio.frames += 1;
    assert_eq!(merge(&FULL, other, Features::ALL), None);
}

#[test]
fn the_revision_stands_for_the_features() {
    let of = |features: &str| revision(features.parse().unwrap());
    assert_eq!(of("all"), of("all"));
    assert_ne!(of("all"), of("tags,tempo"));
    assert_eq!(of("all").len(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_number_of_old_parts_becomes_that_of_today(chosen in prop::sample::subsequence(measured(), 1..=11)) {
        let (known, stale) = older(&chosen);
        let merged = merge(&known, analysed(stale), stale).unwrap();
        let wanted = Report { tags: merged.tags.clone(), ..FULL.clone() };
        prop_assert_eq!(timeless(&merged), timeless(&wanted));
    }
}

#[test]
fn an_older_libav_made_other_samples() {
    let older = |known, ours| super::is_older_libav(known, ours);
    assert!(older("libavcodec-59.37.100", "libavcodec-61.19.101"));
    assert!(older("libavcodec-9.100.100", "libavcodec-61.19.101"));
    assert!(!older("libavcodec-61.19.101", "libavcodec-61.19.101"));
    assert!(!older("libavcodec-62.1.100", "libavcodec-61.19.101"));
    assert!(!older("symphonia-0.6.1", "libavcodec-61.19.101"));
    assert!(!older("libavcodec-59.37.100", ""));
}
