//! The kinds of value a variable can have: what each accepts, and how it says so.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use super::duration::{format_duration, parse_duration};
use super::lanes::AUTO;
use super::secret::redis_url;
use crate::{broker::address, management, mask::mask_url, roots::MediaRoots, telemetry, topology};

/// Most retry tiers: each is a queue on the broker.
const MAX_DELAYS: usize = 10;
/// Shortest and longest retry delay. The broker's timers are no finer than the first in practice.
const DELAY_RANGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(24 * 3600));
/// AMQP names end at 255 bytes, and the longest suffix (`.retry.` with a delay) takes 40 of them.
const MAX_PREFIX: usize = 64;
const MAX_NAME: usize = 128;
/// As many as the C library's set of processors holds.
const MAX_PROCESSORS: u64 = 1024;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Integer { min: u64, max: u64 },
    Workers { max: u64 },
    Mebibytes { min: u64, max: u64 },
    Duration { min: Duration, max: Duration },
    Delays,
    Choice(&'static [&'static str]),
    AmqpUrl,
    RedisUrl,
    ApiUrl,
    Address,
    File,
    Roots,
    Levels,
    Words,
    Processors,
    Prefix,
    Name,
    Filter,
}

/// A value that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// For envy: numbers in base units (milliseconds, bytes), lists separated by commas.
    pub(super) plain: String,
    /// For people; secrets masked.
    pub(super) shown: String,
}

impl Checked {
    fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), plain: text }
    }
}

impl Kind {
    /// `None` when the value is not of this kind; [`Kind::expected`] then says what would be.
    pub(super) fn check(self, text: &str) -> Option<Checked> {
        match self {
            Self::Integer { min, max } => integer(text, min, max).map(|n| Checked::same(n.to_string())),
            Self::Workers { max } => workers(text, max),
            Self::Mebibytes { min, max } => {
                let count = integer(text, min, max)?;
                Some(Checked { plain: (count << 20).to_string(), shown: count.to_string() })
            }
            Self::Duration { min, max } => {
                let duration = parse_duration(text).filter(|d| (min..=max).contains(d))?;
                Some(Checked { plain: duration.as_millis().to_string(), shown: format_duration(duration) })
            }
            Self::Delays => delays(text),
            Self::Choice(choices) => {
                choices.iter().find(|c| c.eq_ignore_ascii_case(text)).map(|c| Checked::same(*c))
            }
            Self::AmqpUrl => address::parse_nodes(text).ok().map(|_| url(text)),
            Self::RedisUrl => redis_url(text).ok().map(|()| url(text)),
            Self::ApiUrl => management::is_api_url(text).then(|| url(text)),
            Self::Address => text.parse::<SocketAddr>().ok().map(|a| Checked::same(a.to_string())),
            // Whether it is there is found out by whoever opens it, and said then.
            Self::File => (!text.contains('\0')).then(|| Checked::same(text)),
            Self::Roots => MediaRoots::parse(text).ok().map(|_| Checked::same(text)),
            Self::Levels | Self::Words => words(text),
            Self::Processors => processors(text),
            Self::Prefix => is_prefix(text).then(|| Checked::same(text)),
            Self::Name => is_name(text).then(|| Checked::same(text)),
            Self::Filter => telemetry::parse_filter(text).ok().map(|_| Checked::same(text)),
        }
    }

    /// What is wrong with a refused value, where more can be said than what was expected.
    pub(super) fn reason(self, text: &str) -> Option<String> {
        match self {
            Self::Roots => MediaRoots::parse(text).err().map(|error| error.to_string()),
            Self::Filter => telemetry::parse_filter(text).err().map(|error| error.to_string()),
            Self::AmqpUrl => address::parse_nodes(text).err(),
            Self::RedisUrl => redis_url(text).err().flatten(),
            Self::Prefix => topology::reserved_part(text).map(|part| {
                format!("'{part}' behind a dot is what a fleet appends to its own prefix, so two fleets could share a queue")
            }),
            _ => None,
        }
    }

    /// The end of the sentence "expected …".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Workers { max } => format!("a whole number from 1 to {max}, or auto"),
            Self::Mebibytes { min, max } => format!("a whole number of MiB from {min} to {max}"),
            Self::Duration { min, max } => {
                let (min, max) = (format_duration(min), format_duration(max));
                format!("a duration from {min} to {max}, such as 500ms, 30s or 2m (a bare number is seconds)")
            }
            Self::Delays => {
                let (min, max) = (format_duration(DELAY_RANGE.0), format_duration(DELAY_RANGE.1));
                format!(
                    "1 to {MAX_DELAYS} durations from {min} to {max}, each longer than the one before, separated by commas"
                )
            }
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::AmqpUrl => "amqp://user:password@host:port/vhost or amqps://…, the host a name, an IPv4 address \
                              or an IPv6 address in brackets, the vhost not empty (the default vhost is %2f); for a \
                              cluster amqp://user:password@host:port,host:port/vhost"
                .to_owned(),
            Self::RedisUrl => "redis://user:password@host:port/database or rediss://…; for a cluster \
                               redis-cluster://user:password@host:port,host:port or rediss-cluster://…; for Sentinel \
                               redis-sentinel://user:password@host:port,host:port/master/database or rediss-sentinel://…"
                .to_owned(),
            Self::Address => "an address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned(),
            Self::ApiUrl => management::EXPECTED_URL.to_owned(),
            Self::File => "the path of a file".to_owned(),
            Self::Roots => "name=/absolute/path, several separated by ;".to_owned(),
            Self::Levels => {
                "all, or names of levels separated by commas (high, normal, low when there are three, else p0, p1 …)"
                    .to_owned()
            }
            Self::Processors => {
                format!("numbers of processors below {MAX_PROCESSORS} and ranges of them, such as 0-3,8")
            }
            Self::Words => "all, or names (a-z, 0-9, _ and -) separated by commas".to_owned(),
            Self::Prefix => {
                format!(
                    "1 to {MAX_PREFIX} of a-z, A-Z, 0-9, _, - and ., not beginning with amq., and none of dead, retry, high, \
                     normal, low and p0 to p9 behind a dot"
                )
            }
            Self::Name => format!("1 to {MAX_NAME} of a-z, A-Z, 0-9, _, - and ."),
            Self::Filter => {
                "error, warn, info, debug, trace or off, or a list such as info,lapin=warn".to_owned()
            }
        }
    }
}

fn integer(text: &str, min: u64, max: u64) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (min..=max).contains(number))
}

fn workers(text: &str, max: u64) -> Option<Checked> {
    if !text.eq_ignore_ascii_case(AUTO) {
        return integer(text, 1, max).map(|n| Checked::same(n.to_string()));
    }
    // The number follows from other variables, too (`lanes::resolve`).
    Some(Checked::same(AUTO))
}

fn delays(text: &str) -> Option<Checked> {
    let delays: Vec<Duration> =
        text.split(',').map(|part| parse_duration(part.trim())).collect::<Option<_>>()?;
    let in_range = delays.iter().all(|delay| (DELAY_RANGE.0..=DELAY_RANGE.1).contains(delay));
    // Two tiers of one length would be one queue.
    let ascending = delays.is_sorted_by(|a, b| a < b);
    (in_range && ascending && delays.len() <= MAX_DELAYS).then(|| Checked {
        plain: delays.iter().map(|d| d.as_millis().to_string()).collect::<Vec<_>>().join(","),
        shown: delays.iter().map(|d| format_duration(*d)).collect::<Vec<_>>().join(","),
    })
}

/// The numbers one by one, for whoever sets them.
fn processors(text: &str) -> Option<Checked> {
    let number = |text: &str| integer(text.trim(), 0, MAX_PROCESSORS - 1);
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?),
        None => number(part).map(|one| one..=one),
    };
    let ranges: Vec<_> = text.split(',').map(range).collect::<Option<_>>()?;
    let numbers: BTreeSet<u64> = ranges.iter().cloned().flatten().collect();
    let all = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    (!ranges.iter().any(|range| range.is_empty())).then(|| Checked { plain: all, shown: text.to_owned() })
}

fn words(text: &str) -> Option<Checked> {
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
    let fits = |word: &String| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    words.iter().all(fits).then(|| Checked::same(words.join(",")))
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The broker keeps names that begin with `amq.` to itself, and a fleet what its own names end with.
fn is_prefix(text: &str) -> bool {
    text.len() <= MAX_PREFIX
        && is_name(text)
        && !text.starts_with("amq.")
        && topology::reserved_part(text).is_none()
}

fn url(text: &str) -> Checked {
    Checked { plain: text.to_owned(), shown: mask_url(text) }
}
