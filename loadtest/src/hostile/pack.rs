//! MessagePack by the byte: what no encoder would write.

use crate::corpus::Random;

/// A map of these keys and values, which are encoded already; the keys need not be text, nor different.
pub(crate) fn map(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xde];
    bytes.extend(u16::try_from(fields.len()).unwrap_or(u16::MAX).to_be_bytes());
    fields.iter().for_each(|(key, value)| bytes.extend(key.iter().chain(value)));
    bytes
}

/// Text, which need not be UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    sized(0xdb, bytes)
}

/// Bytes.
pub(crate) fn binary(bytes: &[u8]) -> Vec<u8> {
    sized(0xc6, bytes)
}

/// A whole number.
pub(crate) fn integer(value: i64) -> Vec<u8> {
    let mut bytes = vec![0xd3];
    bytes.extend(value.to_be_bytes());
    bytes
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    vec![0xc2 + u8::from(value)]
}

/// Arrays in arrays around nothing.
pub(crate) fn nested(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x91; depth];
    bytes.push(0xc0);
    bytes
}

fn sized(marker: u8, bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![marker];
    packed.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    packed.extend(bytes);
    packed
}

/// A value of any type, at the edge of what the type holds.
pub(crate) fn odd(random: &mut Random) -> Vec<u8> {
    let float = |value: f64| [&[0xcb][..], &value.to_be_bytes()].concat();
    let choices = [
        vec![0xc0],
        vec![0xc1],
        boolean(random.chance(0.5)),
        vec![random.next() as u8],
        integer(random.next().cast_signed()),
        integer(-1),
        integer(i64::MIN),
        [&[0xcf][..], &u64::MAX.to_be_bytes()].concat(),
        float(f64::NAN),
        float(f64::INFINITY),
        float(1.5),
        text(b""),
        text(b"\xff\xfe"),
        text(&vec![b'x'; random.below(70_000)]),
        binary(b""),
        binary(&[0; 16]),
        vec![0x90],
        vec![0x80],
        nested(random.below(64)),
        nested(40_000),
        // Lengths that are not there: four thousand million of text, bytes, items, pairs.
        vec![0xdb, 0xff, 0xff, 0xff, 0xff],
        vec![0xc6, 0xff, 0xff, 0xff, 0xff],
        vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        // Extensions, one of them the standard's time.
        vec![0xd6, 0xff, 0, 0, 0, 0],
        vec![0xc7, 0, 0x7f],
    ];
    random.pick(&choices).clone()
}
