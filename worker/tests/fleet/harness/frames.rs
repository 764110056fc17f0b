//! What a broker sends, frame by frame, so that deliveries can be kept from a client and nothing else.

use std::collections::HashSet;

use super::proxy::Line;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
/// Type, channel, size of the payload.
const HEAD: usize = 7;
/// Class and method of `basic.consume-ok` and `basic.deliver`.
const CONSUME_OK: [u8; 4] = [0, 60, 0, 21];
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// One connection, on the way from the broker.
#[derive(Debug, Default)]
pub struct Frames {
    pending: Vec<u8>,
    /// Channels whose consumers are kept from their deliveries while the line is deaf.
    old: HashSet<u16>,
    /// Channels whose last delivery was kept: its content follows.
    kept: HashSet<u16>,
}

impl Frames {
    /// Takes what came in, and returns what goes on.
    pub fn pass(&mut self, bytes: &[u8], line: Line) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut passed = Vec::new();
        while let Some(frame) = self.next() {
            if self.goes_on(&frame, line) {
                passed.extend(frame);
            }
        }
        passed
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let size: [u8; 4] = self.pending.get(3..HEAD)?.try_into().unwrap();
        // One byte ends it.
        let length = HEAD + u32::from_be_bytes(size) as usize + 1;
        (self.pending.len() >= length).then(|| self.pending.drain(..length).collect())
    }

    fn goes_on(&mut self, frame: &[u8], line: Line) -> bool {
        let channel = u16::from_be_bytes([frame[1], frame[2]]);
        if frame[0] == HEADER || frame[0] == BODY {
            return !self.kept.contains(&channel);
        }
        if frame[0] != METHOD {
            return true;
        }
        self.kept.remove(&channel);
        if frame[HEAD..].starts_with(&CONSUME_OK) {
            match line {
                Line::Deaf => self.old.remove(&channel),
                _ => self.old.insert(channel),
            };
        }
        let keep = frame[HEAD..].starts_with(&DELIVER)
            && (line == Line::Mute || line == Line::Deaf && self.old.contains(&channel));
        if keep {
            self.kept.insert(channel);
        }
        !keep
    }
}
