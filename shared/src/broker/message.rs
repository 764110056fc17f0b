//! The AMQP properties and headers of our messages, and how they are read back.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use crate::job::{Job, SCHEMA, TraceContext};

/// AMQP's code for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Counts how often a dead letter was published again. A header and no field of the job, because it tells of the message's
/// life and not of the job: a retry begins without it.
const REVIVALS: &str = "x-revivals";

/// W3C Trace Context over AMQP: the same name as in HTTP.
const TRACEPARENT: &str = "traceparent";

/// How often a message was published again as a dead letter.
#[must_use]
pub fn revivals(properties: &BasicProperties) -> u16 {
    let headers = properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(REVIVALS)) {
        Some(AMQPValue::LongLongInt(count)) => u16::try_from(*count).unwrap_or(u16::MAX),
        // Not written by us: better too many than a message that is published again for ever.
        Some(_) => u16::MAX,
        None => 0,
    }
}

/// The trace that a message says it belongs to; `None` where it says nothing, or nothing that the standard allows.
#[must_use]
pub fn trace(properties: &BasicProperties) -> Option<TraceContext> {
    match properties.headers().as_ref()?.inner().get(TRACEPARENT)? {
        AMQPValue::LongString(header) => TraceContext::parse(header.as_bytes()),
        AMQPValue::ShortString(header) => TraceContext::parse(header.as_str().as_bytes()),
        _ => None,
    }
}

/// The headers of a message that belongs to this trace.
pub(super) fn headers(trace: Option<TraceContext>) -> FieldTable {
    let mut headers = FieldTable::default();
    if let Some(trace) = trace {
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(trace.to_string().into()));
    }
    headers
}

/// What describes a job's message: all headers are ours, so a forged `x-death` is never passed on.
pub(super) fn properties(job: &Job, headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/msgpack".into())
        .with_type(SCHEMA.into())
        .with_message_id(job.job_id.to_string().into())
        .with_correlation_id(job.batch_id.to_string().into())
        .with_headers(headers)
}

/// The headers of a dead letter that is published for the `revivals`th time.
pub(super) fn revival_headers(trace: Option<TraceContext>, revivals: u16) -> FieldTable {
    let mut headers = headers(trace);
    headers.insert(REVIVALS.into(), AMQPValue::LongLongInt(revivals.into()));
    headers
}
