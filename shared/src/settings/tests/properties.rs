//! No environment makes the settings panic, and none gets a secret out of them.

use std::os::unix::ffi::OsStringExt as _;

use proptest::prelude::*;

use super::*;

/// Names that matter: the known ones, their `_FILE` twins, and slight misspellings.
fn name() -> impl Strategy<Value = OsString> {
    let known = proptest::sample::select(VARIABLES).prop_map(|variable| variable.name);
    prop_oneof![
        4 => known.clone().prop_map(OsString::from),
        1 => (known.clone(), "[A-Z_]{0,2}").prop_map(|(name, more)| (name.to_owned() + &more).into()),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(OsString::from_vec),
    ]
}

fn value() -> impl Strategy<Value = OsString> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40).prop_map(OsString::from_vec),
        ".{0,40}".prop_map(OsString::from),
        "[0-9a-z,;=/:@?#.-]{0,40}".prop_map(OsString::from),
        "(amqp|redis)s?://[ -~]{0,40}".prop_map(OsString::from),
    ]
}

proptest! {
    #[test]
    fn arbitrary_environments_never_panic(vars in prop::collection::vec((name(), value()), 0..8)) {
        let worker = WorkerSettings::from_vars(vars.clone());
        prop_assert_eq!(worker.is_ok(), describe(Program::Worker, vars.clone()).is_ok());
        if let Err(error) = worker {
            prop_assert!(error.errors().iter().all(|error| error.to_string().contains("expected")));
        }
        let _ = ProducerSettings::from_vars(vars);
    }

    #[test]
    fn a_password_never_shows(
        before in "(amqp|amqps|redis|rediss|http|ftp|)(:|://|)([a-z]{0,5}|[a-z]{0,5}:)",
        password in "[ -9;-~]{0,10}S3CRET[ -9;-~]{0,10}",
        after in "(@[a-z]{0,6}|)(:[0-9]{0,5}|)(/[a-z0-9]{0,4}|)",
    ) {
        // Without credentials in front of an @ there is no password, only a strange host.
        prop_assume!(after.starts_with('@') || !format!("{before}{password}").contains("://"));
        let url = format!("{before}{password}{after}");
        for name in ["AMQP_URL", "REDIS_URL"] {
            match describe(Program::Worker, vars(&[(name, &url)])) {
                Ok((rows, _)) => prop_assert!(!format!("{rows:?}").contains("S3CRET"), "{}", url),
                Err(error) => prop_assert!(!format!("{error} {error:?}").contains("S3CRET"), "{}: {}", url, error),
            }
        }
    }
}
