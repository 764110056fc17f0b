//! Matroska files taken apart and put together with compressed packets.

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const CLUSTER: u32 = 0x1f43_b675;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;

fn vint(bytes: &[u8]) -> (usize, u64, u64) {
    let len = bytes[0].leading_zeros() as usize + 1;
    let raw = bytes[..len].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (len, raw, raw & !(1 << (7 * len)))
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let start = id.iter().position(|it| *it != 0).unwrap();
    [&id[start..], &(1 << 56 | content.len() as u64).to_be_bytes(), content].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}

/// The same file, whose one track is compressed in this way.
pub fn compressed(bytes: &[u8], algorithm: u8, settings: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (id_len, id, _) = vint(&bytes[at..]);
        let (size_len, _, size) = vint(&bytes[at + id_len..]);
        let start = at + id_len + size_len;
        let open = size == (1 << (7 * size_len)) - 1;
        let end = if open { bytes.len() } else { start + size as usize };
        let content = &bytes[start..end];
        let id = id as u32;
        let content = match id {
            SEGMENT | TRACKS | CLUSTER | BLOCK_GROUP => compressed(content, algorithm, settings),
            TRACK_ENTRY => {
                let method = [element(0x4254, &[algorithm]), element(0x4255, settings)].concat();
                let encoding = element(0x6240, &[element(0x5033, &[0]), element(0x5034, &method)].concat());
                [content.to_vec(), element(0x6d80, &encoding)].concat()
            }
            SIMPLE_BLOCK | BLOCK => {
                let (head, packet) = content.split_at(4);
                let packet = match algorithm {
                    0 => zlib(packet),
                    3 => packet.strip_prefix(settings).unwrap().to_vec(),
                    _ => packet.to_vec(),
                };
                [head, &packet].concat()
            }
            _ => content.to_vec(),
        };
        out.extend(element(id, &content));
        at = end;
    }
    out
}
