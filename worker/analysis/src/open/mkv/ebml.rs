//! Elements of EBML (RFC 8794).

use super::super::bytes::read_up_to;
use crate::Error;
use std::fs::File;

/// Bytes of the longest header of an element: four of its id and eight of its length.
pub(super) const MAX_HEADER: usize = 12;
/// Elements to look at on one level: before the first cluster there are tens.
const MAX_ELEMENTS: usize = 4096;

/// A number of variable length (RFC 8794 §4): its bytes, and its value with and without the length marker.
pub(super) fn vint(bytes: &[u8]) -> Option<(usize, u64, u64)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let raw = bytes.get(..len).filter(|_| len <= 8)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((len, raw, raw & !(1 << (7 * len))))
}

/// Id, length of the header, and stated length of the content (`None` if it is not known) of the element that begins here.
pub(super) fn header(bytes: &[u8]) -> Option<(u32, usize, Option<u64>)> {
    let (id_len, id, _) = vint(bytes).filter(|(len, ..)| *len <= 4)?;
    let (size_len, _, size) = vint(bytes.get(id_len..)?)?;
    let open = size == (1 << (7 * size_len)) - 1;
    Some((u32::try_from(id).ok()?, id_len + size_len, (!open).then_some(size)))
}

/// An element in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) id: u32,
    pub(super) header: u64,
    pub(super) start: u64,
    /// End, or that of the parent where the element does not state its length or states too much.
    pub(super) end: u64,
    /// Where it would end by its own account.
    pub(super) stated_end: Option<u64>,
}

/// The element at `at`; `None` if none can begin there.
pub(super) fn element(file: &File, at: u64, parent_end: u64) -> Result<Option<Element>, Error> {
    if at >= parent_end {
        return Ok(None);
    }
    let head = read_up_to(file, at, MAX_HEADER)?;
    Ok(header(&head).and_then(|(id, len, size)| {
        let start = at + len as u64;
        let stated_end = match size {
            Some(size) => Some(start.checked_add(size)?),
            None => None,
        };
        Some(Element {
            id,
            header: at,
            start,
            end: stated_end.map_or(parent_end, |it| it.min(parent_end)),
            stated_end,
        })
    }))
}

impl Element {
    pub(super) fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The elements inside.
    pub(super) fn children(&self, file: &File) -> Result<Vec<Self>, Error> {
        let mut children = Vec::new();
        let mut at = self.start;
        while children.len() < MAX_ELEMENTS {
            let Some(child) = element(file, at, self.end)? else { break };
            at = child.end;
            children.push(child);
        }
        Ok(children)
    }

    /// The content, at most `limit` bytes of it.
    pub(super) fn bytes(&self, file: &File, limit: u64) -> Result<Vec<u8>, Error> {
        Ok(read_up_to(file, self.start, self.len().min(limit) as usize)?)
    }

    pub(super) fn unsigned(&self, file: &File) -> Result<u64, Error> {
        Ok(unsigned(&self.bytes(file, 8)?))
    }

    pub(super) fn float(&self, file: &File) -> Result<f64, Error> {
        Ok(float(&self.bytes(file, 8)?).unwrap_or(0.0))
    }

    pub(super) fn text(&self, file: &File, limit: u64) -> Result<String, Error> {
        let bytes = self.bytes(file, limit)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
    }
}

pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A signed number, whose first bit is its sign.
pub(super) fn signed(bytes: &[u8]) -> i64 {
    let bits = 8 * bytes.len().clamp(1, 8) as u32;
    (unsigned(bytes) << (64 - bits)).cast_signed() >> (64 - bits)
}

fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(f64::from(f32::from_be_bytes(bytes.try_into().ok()?))),
        8 => Some(f64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length() {
        assert_eq!(vint(&[0x82]), Some((1, 0x82, 2)));
        assert_eq!(vint(&[0x40, 0x02]), Some((2, 0x4002, 2)));
        assert_eq!(vint(&[0x1a, 0x45, 0xdf, 0xa3]), Some((4, 0x1a45_dfa3, 0x0a45_dfa3)));
        assert_eq!(vint(&[0x01, 0, 0, 0, 0, 0, 0, 7]), Some((8, 1 << 56 | 7, 7)));
        assert_eq!(vint(&[0x00, 1]), None);
        assert_eq!(vint(&[0x40]), None);
        assert_eq!(vint(&[]), None);
    }

    #[test]
    fn numbers_of_content() {
        assert_eq!((signed(&[0xff]), signed(&[0x7f, 0xff]), signed(&[])), (-1, 32_767, 0));
        assert_eq!(signed(&[0x80, 0, 0, 0, 0, 0, 0, 0]), i64::MIN);
        assert_eq!(float(&[0x47, 0x3b, 0x80, 0x00]), Some(48_000.0));
        assert_eq!(float(&[1, 2, 3]), None);
    }

    #[test]
    fn headers_state_a_length_or_none() {
        assert_eq!(header(&[0xa3, 0x85]), Some((0xa3, 2, Some(5))));
        assert_eq!(
            header(&[0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some((0x1f43_b675, 12, None))
        );
        assert_eq!(header(&[0xa3]), None);
    }
}
