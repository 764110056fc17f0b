mod payload;

pub(crate) use payload::{Payload, Trimming};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const BYTES: usize = 16;

/// Who a piece of audio is: 128 bits of BLAKE3 over its payload (container name, codec parameters, packets) without tags,
/// file name or time. Written as 32 lower-case hexadecimal digits.
///
/// Moving, renaming or re-tagging a file keeps its identity; changing one packet changes it. For PCM the samples are hashed
/// as one stream, however the container cuts it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity([u8; BYTES]);

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "Identity({self})")
    }
}

/// A text that is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identity is {} hexadecimal digits", 2 * BYTES)]
pub struct InvalidIdentity;

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u8> = text
            .chars()
            .map(|it| it.to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()
            .ok_or(InvalidIdentity)?;
        if digits.len() != 2 * BYTES {
            return Err(InvalidIdentity);
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Identity {
    type Error = InvalidIdentity;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let identity = Identity([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xfe, 0xff]);
        assert_eq!(identity.to_string(), "000102030405060708090a0b0c0d".to_owned() + "feff");
        assert_eq!(identity.to_string().parse(), Ok(identity));
        assert_eq!("00".parse::<Identity>(), Err(InvalidIdentity));
        assert_eq!("ß".repeat(16).parse::<Identity>(), Err(InvalidIdentity));
        assert_eq!("zz".repeat(16).parse::<Identity>(), Err(InvalidIdentity));
    }
}
