//! What an error of Redis means for whoever met it: a closed classification.
//!
//! | class | what it means | who acts | examples |
//! |---|---|---|---|
//! | `Unreachable` | Nobody answers, or the server says that it comes back by itself. | nobody: try again | connection refused, time-out, `LOADING`, `MASTERDOWN`, `CLUSTERDOWN` |
//! | `Denied` | The server does not let us in, or not do this. | somebody changes a setting | `NOAUTH`, `WRONGPASS`, `NOPERM`, a cluster behind `redis://` |
//! | `Refused` | The server takes no work now, from nobody. | an operator, or a failover | `OOM`, `READONLY`, `MISCONF`, `NOREPLICAS`, `BUSY` |
//! | `Permanent` | The server works; this key, value or script is the fault. The same request meets it again. | whoever sent it gives it up | `WRONGTYPE`, a script's runtime error, a number that overflows |
//!
//! The first three concern every request alike, so they open the breaker of a worker; the last belongs to one job. Only
//! the codes in [`CODES`] and the general code `ERR` can be permanent. A code that is not known here (a proxy's, a newer
//! server's) counts as refused: work that waits is safer than work that is given up.

use redis::{ErrorKind, RedisError};

use FaultClass::{Denied, Permanent, Refused, Unreachable};

/// The classes, the least serious for the whole store first. Of several errors in one pipeline the last in this order
/// counts: a request is given up only if nothing but itself is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultClass {
    Permanent,
    Refused,
    Unreachable,
    Denied,
}

/// An error of the client library, classified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) class: FaultClass,
    /// The code of the server's answer, such as `WRONGTYPE`; empty where there was no answer.
    pub(super) code: String,
    /// The server's words, or those of the client library.
    pub(super) words: String,
    /// Which command of a pipeline met it.
    pub(super) command: usize,
}

/// What each code of the server means. `ERR` has no meaning of its own: see [`ERR_WORDS`].
const CODES: [(&str, FaultClass); 26] = [
    ("LOADING", Unreachable),
    ("MASTERDOWN", Unreachable),
    ("CLUSTERDOWN", Unreachable),
    ("TRYAGAIN", Unreachable),
    // The client follows a cluster's slots by itself. These are left when slots move faster than it follows.
    ("MOVED", Unreachable),
    ("ASK", Unreachable),
    ("REDIRECT", Unreachable),
    ("NOAUTH", Denied),
    ("WRONGPASS", Denied),
    ("NOPERM", Denied),
    ("NOPROTO", Denied),
    // Ours, not Redis': see `sentinel`.
    ("UNKNOWNMASTER", Denied),
    ("OOM", Refused),
    ("READONLY", Refused),
    ("MISCONF", Refused),
    ("NOREPLICAS", Refused),
    ("BUSY", Refused),
    ("UNKILLABLE", Refused),
    ("IOERR", Refused),
    ("INPROG", Refused),
    ("NOMASTERLINK", Refused),
    // The script was loaded a moment ago and is forgotten again: a restart, a failover, SCRIPT FLUSH.
    ("NOSCRIPT", Refused),
    ("EXECABORT", Refused),
    ("WRONGTYPE", Permanent),
    ("CROSSSLOT", Permanent),
    ("INVALIDOBJ", Permanent),
];

/// Words behind `ERR` that make it something other than permanent, in lower case.
const ERR_WORDS: [(&str, FaultClass); 11] = [
    // The rights of the user, where a script meets them (Redis 6 to 7.0; later ones say NOPERM).
    ("can't run this command", Denied),
    ("can't access at least one of the keys", Denied),
    ("acl failure in script", Denied),
    ("db index is out of range", Denied),
    ("invalid db index", Denied),
    ("cluster support disabled", Denied),
    ("select is not allowed in cluster mode", Denied),
    // An older server, or one whose commands were renamed: no request of ours can do without them.
    ("unknown command", Refused),
    ("unknown redis command", Refused),
    ("max number of clients reached", Refused),
    ("script killed by user", Refused),
];

/// How Redis before 7.0 begins what a script met: the true code stands somewhere behind it.
const OLD_SCRIPT_ERROR: &str = "Error running script";

impl Fault {
    pub(super) fn of(error: &RedisError) -> Self {
        let Some(replies) = error.clone().into_server_errors() else {
            let (code, words) = (error.code().unwrap_or_default().to_owned(), error.to_string());
            return Self { class: class_of_kind(error), code, words, command: 0 };
        };
        let faults = replies.iter().map(|(command, reply)| {
            let (code, detail) = (reply.code(), reply.details().unwrap_or_default());
            let words = format!("{code} {detail}").trim_end().to_owned();
            Self { class: class_of(code, detail), code: code.to_owned(), words, command: *command }
        });
        // The first of the most serious ones.
        faults.reduce(|worst, next| if next.class > worst.class { next } else { worst }).unwrap_or_else(
            || Self { class: Refused, code: String::new(), words: error.to_string(), command: 0 },
        )
    }
}

/// Whether any answer in it says that a script is not known.
pub(super) fn lacks_script(error: &RedisError) -> bool {
    let replies = error.clone().into_server_errors();
    replies.is_some_and(|replies| replies.iter().any(|(_, reply)| reply.code() == "NOSCRIPT"))
}

/// Whether every command that failed is the one at `from` or a later one, and each for good.
pub(super) fn is_permanent_from(error: &RedisError, from: usize) -> bool {
    let replies = error.clone().into_server_errors();
    replies.is_some_and(|replies| {
        replies.iter().all(|(command, reply)| {
            *command >= from && class_of(reply.code(), reply.details().unwrap_or_default()) == Permanent
        })
    })
}

/// The class of an answer of the server.
fn class_of(code: &str, detail: &str) -> FaultClass {
    match code {
        "ERR" => class_of_err(detail),
        _ => CODES.iter().find(|(known, _)| *known == code).map_or(Refused, |(_, class)| *class),
    }
}

fn class_of_err(detail: &str) -> FaultClass {
    let lower = detail.to_lowercase();
    if let Some((_, class)) = ERR_WORDS.iter().find(|(words, _)| lower.contains(words)) {
        return *class;
    }
    if detail.contains(OLD_SCRIPT_ERROR) {
        let words = detail.split(|c: char| !c.is_ascii_uppercase()).filter(|word| word.len() > 2);
        let known = words.filter_map(|word| CODES.iter().find(|(code, _)| *code == word));
        return known.map(|(_, class)| *class).max().unwrap_or(Permanent);
    }
    Permanent
}

/// The class of an error that the client library met by itself.
fn class_of_kind(error: &RedisError) -> FaultClass {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::RESP3NotSupported | ErrorKind::InvalidClientConfig => {
            Denied
        }
        // What answered did not speak as Redis does, or the line was cut in the middle of an answer.
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse => Unreachable,
        _ if error.is_timeout() || error.is_connection_dropped() => Unreachable,
        // An answer of another shape than the request has: a script of ours that is wrong.
        ErrorKind::UnexpectedReturnType => Permanent,
        _ => Refused,
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    /// Answers as Redis 7.0.15 gave them, and the older forms.
    const ANSWERS: [(&str, &str, FaultClass); 31] = [
        ("LOADING", "Redis is loading the dataset in memory", Unreachable),
        ("MASTERDOWN", "Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Unreachable),
        ("CLUSTERDOWN", "The cluster is down", Unreachable),
        ("TRYAGAIN", "Multiple keys request during rehashing of slot", Unreachable),
        ("MOVED", "3999 127.0.0.1:6381", Unreachable),
        ("NOAUTH", "Authentication required.", Denied),
        ("NOPERM", "this user has no permissions to run the 'eval' command", Denied),
        ("NOPERM", "this user has no permissions to access one of the keys used as arguments", Denied),
        (
            "ERR",
            "The user executing the script can't run this command or subcommand script: 8781, on @user_script:1.",
            Denied,
        ),
        (
            "ERR",
            "The user executing the script can't access at least one of the keys mentioned in the command arguments script: a7f3, on @user_script:1.",
            Denied,
        ),
        ("ERR", "DB index is out of range", Denied),
        ("ERR", "This instance has cluster support disabled", Denied),
        (
            "OOM",
            "command not allowed when used memory > 'maxmemory'. script: 8781, on @user_script:1.",
            Refused,
        ),
        ("READONLY", "You can't write against a read only replica.", Refused),
        (
            "MISCONF",
            "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
            Refused,
        ),
        ("NOREPLICAS", "Not enough good replicas to write.", Refused),
        ("BUSY", "Redis is busy running a script.", Refused),
        ("NOSCRIPT", "No matching script. Please use EVAL.", Refused),
        ("ERR", "max number of clients reached", Refused),
        ("ERR", "unknown command 'EVALSHA', with args beginning with: 'x'", Refused),
        (
            "ERR",
            "Error running script (call to f_87): @user_script:1: -READONLY You can't write against a read only replica.",
            Refused,
        ),
        (
            "ERR",
            "Error running script (call to f_87): @user_script:1: -OOM command not allowed when used memory > 'maxmemory'.",
            Refused,
        ),
        ("PROXY", "a code that nobody has told us of", Refused),
        (
            "WRONGTYPE",
            "Operation against a key holding the wrong kind of value script: 9b53, on @user_script:1.",
            Permanent,
        ),
        (
            "ERR",
            "Error running script (call to f_87): @user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value",
            Permanent,
        ),
        (
            "ERR",
            "user_script:1: attempt to perform arithmetic on a nil value script: 5904, on @user_script:1.",
            Permanent,
        ),
        ("ERR", "user_script:1: too many results to unpack script: 3f36, on @user_script:1.", Permanent),
        ("ERR", "hash value is not an integer script: 4474, on @user_script:1.", Permanent),
        ("ERR", "string exceeds maximum allowed size (proto-max-bulk-len)", Permanent),
        ("ERR", "The stream has exhausted the last possible ID, unable to add more items", Permanent),
        ("CROSSSLOT", "Keys in request don't hash to the same slot", Permanent),
    ];

    fn reply(code: &str, detail: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some(detail.to_owned()))
    }

    #[test]
    fn each_answer_of_redis_has_its_class() {
        for (code, detail, class) in ANSWERS {
            assert_eq!(Fault::of(&reply(code, detail)).class, class, "{code} {detail}");
            let line = format!("-{code} {detail}\r\n");
            let parsed =
                redis::parse_redis_value(line.as_bytes()).and_then(Value::extract_error).unwrap_err();
            let fault = Fault::of(&parsed);
            assert_eq!((fault.class, fault.words), (class, format!("{code} {detail}")));
        }
    }

    #[test]
    fn each_code_stands_once() {
        for (place, (code, _)) in CODES.iter().enumerate() {
            assert!(CODES.iter().skip(place + 1).all(|(other, _)| other != code), "{code}");
        }
    }

    #[test]
    fn what_the_client_meets_by_itself_has_a_class_too() {
        let cases = [
            (ErrorKind::Io, Unreachable),
            (ErrorKind::Parse, Unreachable),
            (ErrorKind::ClusterConnectionNotFound, Unreachable),
            (ErrorKind::AuthenticationFailed, Denied),
            (ErrorKind::UnexpectedReturnType, Permanent),
            (ErrorKind::Client, Refused),
        ];
        for (kind, class) in cases {
            assert_eq!(Fault::of(&RedisError::from((kind, "words"))).class, class, "{kind:?}");
        }
    }
}
