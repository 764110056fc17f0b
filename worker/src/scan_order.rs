//! The order in which a scan found files. The source hands them out in that order, they end in another, and the sink writes
//! them in the first one again. It is as large as the scan is ahead.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The places of the files that have been found and have not ended.
#[derive(Debug, Default)]
pub struct ScanOrder(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    /// Several where the user has named a file more than once.
    of_file: HashMap<Vec<u8>, VecDeque<u64>>,
}

impl ScanOrder {
    /// Notes a file that was found, behind all others.
    pub fn push(&self, path: &[u8]) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.next;
        places.next += 1;
        places.of_file.entry(path.to_owned()).or_default().push_back(place);
    }

    /// The place of a file that has ended, counted from 0; it is forgotten.
    #[must_use]
    pub fn take(&self, path: &[u8]) -> Option<u64> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_file = places.of_file.get_mut(path)?;
        let place = of_file.pop_front();
        if of_file.is_empty() {
            places.of_file.remove(path);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_its_place_until_it_ends() {
        let order = ScanOrder::default();
        [&b"a"[..], b"b", b"a"].iter().for_each(|path| order.push(path));
        let places = [&b"b"[..], b"a", b"a", b"a", b"c"].map(|path| order.take(path));
        assert_eq!(places, [Some(1), Some(0), Some(2), None, None]);
        assert!(order.0.lock().unwrap().of_file.is_empty());
    }
}
