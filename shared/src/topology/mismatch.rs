//! The broker's words for "exists with other arguments", made into an error with a remedy.

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};

use super::TopologyError;

/// The settings behind the arguments that a user can change.
const VARIABLES: [(&str, &str); 2] = [("x-max-length", "QUEUE_MAX_SIZE"), ("x-message-ttl", "RETRY_DELAYS")];

/// What the broker said about declaring `queue`.
pub(super) fn explain(queue: &str, source: lapin::Error) -> TopologyError {
    let differs = match source.kind() {
        ErrorKind::ProtocolError(error)
            if matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) =>
        {
            parse(queue, error.get_message().as_str())
        }
        _ => None,
    };
    differs.unwrap_or_else(|| TopologyError::Refused { name: queue.to_owned(), source })
}

/// `PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '50' of type
/// 'signedint' but current is the value '10000' of type 'long'`
fn parse(queue: &str, message: &str) -> Option<TopologyError> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let argument = quoted.next().filter(|_| message.contains("inequivalent arg"))?;
    let (received, current) = message.split_once("received")?.1.split_once("but current is")?;
    let value = |side: &str| match side.split('\'').nth(1) {
        Some(value) => value.to_owned(),
        None => side.trim().to_owned(),
    };
    let variable =
        VARIABLES.iter().find(|(name, _)| *name == argument).map_or("the settings", |(_, name)| name);
    Some(TopologyError::Differs {
        queue: queue.to_owned(),
        argument: argument.to_owned(),
        wanted: value(received),
        found: value(current),
        variable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_values_and_the_variable_are_named() {
        let said = "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'analysis.high' in vhost '/': \
                    received the value '50' of type 'signedint' but current is the value '10000' of type 'long'";
        let text = parse("analysis.high", said).unwrap().to_string();
        assert!(
            text.starts_with("queue 'analysis.high' exists with x-max-length = 10000, but 50 is wanted"),
            "{text}"
        );
        assert!(text.contains("set QUEUE_MAX_SIZE to 10000"), "{text}");
    }

    #[test]
    fn another_refusal_keeps_the_brokers_words() {
        assert!(parse("q", "ACCESS_REFUSED - access to queue 'q' refused").is_none());
    }
}
