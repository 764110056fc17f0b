//! Text of strangers in a page.

use super::*;
use crate::measure::Verdict;

/// Ends an element, an attribute, a comment, the style, and begins a script; then an escape sequence of terminals, and a
/// character that turns the text behind it around.
const HOSTILE: &str = "\"'><script>alert(1)</script><!-- </style></title> & \x1b[2J \u{202e}";

fn hostile() -> Run {
    let text = || HOSTILE.to_owned();
    let mut run = judged();
    (run.scenario, run.about, run.started_at, run.command) = (text(), text(), text(), vec![text()]);
    run.versions.insert(text(), text());
    run.settings.insert(text(), text());
    run.corpus.about = text();
    let machine = &mut run.machine;
    (machine.system, machine.processor, machine.servers) = (text(), text(), text());
    for phase in &mut run.phases {
        phase.name = format!("{}{HOSTILE}", phase.name);
        phase.jobs.outcomes.insert(text(), 1);
        phase.figures.insert(text(), 1.0);
        phase.latency.insert(text(), phase.latency["all"].clone());
        phase.usage.insert(text(), phase.usage["lanes"].clone());
        for moment in &mut phase.timeline {
            moment.depth.insert(text(), 3);
            moment.cpu_percent.insert(text(), 3.0);
            moment.rss_bytes.insert(text(), 3);
            moment.latency.insert(text(), [1.0; 3]);
        }
    }
    let verdict = Verdict {
        requirement: text(),
        about: text(),
        phase: text(),
        comparison: text(),
        unit: text(),
        ..run.verdicts[0].clone()
    };
    run.verdicts.push(verdict);
    run
}

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "!doctype"];

/// The names of all elements, checked to be closed in order.
fn elements(page: &str) -> std::collections::BTreeSet<String> {
    let (mut open, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    // What stands in the style is no element, and has no `<`.
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("every < opens a tag");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let name = tag.split_whitespace().next().unwrap().trim_end_matches('/').to_owned();
        seen.insert(name.clone());
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
    seen
}

#[test]
fn text_of_strangers_stays_text() {
    let page = page::page(&hostile());
    let kind = page::page(&judged());
    assert_eq!(elements(&page), elements(&kind), "an element that is not ours");
    assert!(page.contains("&lt;script&gt;") && !page.contains('\x1b') && !page.contains('\u{202e}'));
    let text = table::text(&hostile(), &[], &Look::default());
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_page_asks_for_nothing_from_elsewhere() {
    let page = page::page(&judged());
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn every_character_that_means_something_is_escaped() {
    assert_eq!(html::escaped("<a b=\"c\" d='e'>&\0"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\\u{0}");
}
