//! The broker's words for "exists with other arguments", made into an error with a remedy.

use std::fmt;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};

use super::TopologyError;

/// The settings behind the arguments that a user can change.
const VARIABLES: [(&str, &str); 2] = [("x-max-length", "QUEUE_MAX_SIZE"), ("x-message-ttl", "RETRY_DELAYS")];

/// An exchange or a queue that exists with another argument than is wanted. Its text has the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `exchange` or `queue`.
    pub object: &'static str,
    /// Its name.
    pub name: String,
    /// Its argument.
    pub argument: String,
    /// What the broker has.
    pub found: String,
    /// What the settings ask for.
    pub wanted: String,
    /// The setting behind the argument, where there is one.
    pub variable: Option<&'static str>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, name, argument, found, wanted, variable } = self;
        write!(f, "{object} '{name}' exists with {argument} = {found}, but {wanted} is wanted here. ")?;
        match variable {
            Some(variable) => {
                write!(
                    f,
                    "A {object}'s arguments cannot be changed: set {variable} to {found}, or stop the fleet, "
                )?;
            }
            None => f.write_str("It cannot be changed: stop the fleet, ")?,
        }
        // An exchange holds nothing, and no command of RabbitMQ's own deletes one.
        match *object {
            "queue" => {
                write!(
                    f,
                    "let the queue run empty, delete it (rabbitmqctl delete_queue {name}) and start again"
                )
            }
            _ => f.write_str("delete it and start again"),
        }
    }
}

/// What the broker said about declaring an object of this kind and name.
pub(super) fn explain(object: &'static str, name: &str, source: lapin::Error) -> TopologyError {
    let differs = match source.kind() {
        ErrorKind::ProtocolError(error)
            if matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) =>
        {
            parse(object, name, error.get_message().as_str())
        }
        _ => None,
    };
    match differs {
        Some(mismatch) => TopologyError::Differs(Box::new(mismatch)),
        None => TopologyError::Refused { name: name.to_owned(), source },
    }
}

/// `PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '50' of type
/// 'signedint' but current is the value '10000' of type 'long'`
fn parse(object: &'static str, name: &str, message: &str) -> Option<Mismatch> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let argument = quoted.next().filter(|_| message.contains("inequivalent arg"))?;
    let (received, current) = message.split_once("received")?.1.split_once("but current is")?;
    let value = |side: &str| match side.split('\'').nth(1) {
        Some(value) => value.to_owned(),
        None => side.trim().to_owned(),
    };
    let variable = VARIABLES.iter().find(|(name, _)| *name == argument).map(|(_, name)| *name);
    Some(Mismatch {
        object,
        name: name.to_owned(),
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
        let text = parse("queue", "analysis.high", said).unwrap().to_string();
        assert!(
            text.starts_with("queue 'analysis.high' exists with x-max-length = 10000, but 50 is wanted"),
            "{text}"
        );
        assert!(text.contains("set QUEUE_MAX_SIZE to 10000"), "{text}");
    }

    #[test]
    fn another_refusal_keeps_the_brokers_words() {
        assert!(parse("queue", "q", "ACCESS_REFUSED - access to queue 'q' refused").is_none());
    }
}
