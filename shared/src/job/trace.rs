//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>, section 3.2): the `traceparent` header, read and written.
//!
//! A header is hostile input: whatever is not exactly of the standard's shape is no context, and never an error.

use std::fmt;

/// Version 00: `00-` trace id (32 digits) `-` parent id (16 digits) `-` flags (2 digits).
const LENGTH: usize = 55;

/// A later version may append fields after another dash; the standard gives no limit, and no header of this size is meant well.
const MAX_LENGTH: usize = 512;

/// The only flag that is defined for version 00.
const SAMPLED: u8 = 1;

/// To which trace a job belongs, and which span submitted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// `None` where an id would be nothing, which the standard forbids.
    #[must_use]
    pub const fn new(trace_id: [u8; 16], parent_id: [u8; 8], sampled: bool) -> Option<Self> {
        let (trace_id, parent_id) = (u128::from_be_bytes(trace_id), u64::from_be_bytes(parent_id));
        if trace_id == 0 || parent_id == 0 { None } else { Some(Self { trace_id, parent_id, sampled }) }
    }

    /// Reads a header. Of a later version the fields of version 00 are taken, as the standard asks.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        if !(LENGTH..=MAX_LENGTH).contains(&header.len()) {
            return None;
        }
        let (own, rest) = header.split_at(LENGTH);
        let version = u8::try_from(hex(own.get(..2)?)?).ok()?;
        let ends_well =
            if version == 0 { rest.is_empty() } else { rest.first().is_none_or(|next| *next == b'-') };
        let dashes = [2, 35, 52].iter().all(|place| own.get(*place) == Some(&b'-'));
        // 255 is forbidden, so that nobody takes it for a version.
        if version == u8::MAX || !ends_well || !dashes {
            return None;
        }
        let trace_id = hex(own.get(3..35)?)?;
        let parent_id = u64::try_from(hex(own.get(36..52)?)?).ok()?;
        let flags = u8::try_from(hex(own.get(53..)?)?).ok()?;
        Self::new(trace_id.to_be_bytes(), parent_id.to_be_bytes(), flags & SAMPLED != 0)
    }

    /// The trace, for logs.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }
}

/// Digits, lower case as the standard asks, 32 at most.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// The header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, u8::from(self.sampled))
    }
}

/// Names a trace: 32 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(header: &str) -> Option<TraceContext> {
        TraceContext::parse(header.as_bytes())
    }

    #[test]
    fn the_standards_example_is_read_and_written() {
        let context = parse(GOOD).unwrap();
        assert_eq!(context.to_string(), GOOD);
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let unsampled = GOOD.replace("-01", "-00");
        assert_eq!(parse(&unsampled).unwrap().to_string(), unsampled);
    }

    #[test]
    fn unknown_flags_and_later_versions_are_reduced_to_what_is_known() {
        for header in [
            GOOD.replace("-01", "-ff"),
            GOOD.replacen("00", "cc", 1),
            format!("{}-what-the-future-brings", GOOD.replacen("00", "01", 1)),
        ] {
            assert_eq!(parse(&header).map(|context| context.to_string()).as_deref(), Some(GOOD), "{header}");
        }
    }

    #[test]
    fn anything_else_is_no_context() {
        for header in [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-more"),
            format!("{GOOD} "),
            format!(" {GOOD}"),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00", "0x", 1),
            GOOD.replace('-', "_"),
            GOOD.replace("4bf9", "4b-9"),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            format!("{}x", GOOD.replacen("00", "01", 1)),
            format!("{}-{}", GOOD.replacen("00", "01", 1), "a".repeat(MAX_LENGTH)),
            format!("{}é", &GOOD[..53]),
        ] {
            assert_eq!(parse(&header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(header in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = TraceContext::parse(&header);
        }

        #[test]
        fn what_is_written_is_read_back(trace: [u8; 16], parent: [u8; 8], sampled: bool) {
            if let Some(context) = TraceContext::new(trace, parent, sampled) {
                prop_assert_eq!(TraceContext::parse(context.to_string().as_bytes()), Some(context));
            }
        }

        #[test]
        fn one_byte_changed_is_a_context_of_the_same_shape_or_none(place in 0usize..55, byte: u8) {
            let mut header = GOOD.as_bytes().to_vec();
            header[place] = byte;
            if let Some(context) = TraceContext::parse(&header) {
                prop_assert_eq!(context.to_string().len(), LENGTH);
            }
        }
    }
}
