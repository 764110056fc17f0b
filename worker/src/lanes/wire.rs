//! How a path and a time travel in a frame: serde's own forms refuse a path that is no UTF-8 and a time before 1970, and
//! files have both.

/// A path as its bytes.
pub(super) mod path {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::lanes) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(path.as_os_str().as_bytes())
    }

    pub(in crate::lanes) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(from)?;
        Ok(OsString::from_vec(bytes.into_vec()).into())
    }
}

/// A time as the nanoseconds since 1970, negative before.
pub(super) mod time {
    use std::time::{Duration, SystemTime};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::lanes) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        let nanoseconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |it| -it),
        };
        nanoseconds.serialize(to)
    }

    pub(in crate::lanes) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let nanoseconds = i64::deserialize(from)?;
        let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
        let time = if nanoseconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        time.ok_or_else(|| serde::de::Error::custom("no time of this system"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times(#[serde(with = "super::time")] SystemTime);

    #[test]
    fn times_before_and_after_1970_survive() {
        let step = Duration::new(86_400, 7);
        for time in [SystemTime::UNIX_EPOCH - step, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + step] {
            let packed = rmp_serde::to_vec_named(&Times(time)).unwrap();
            assert_eq!(rmp_serde::from_slice::<Times>(&packed).unwrap(), Times(time));
        }
    }
}
