//! ID3v2.3: the four text frames of [`Tags`].

use super::Tags;

pub(super) fn id3(tags: &Tags) -> Vec<u8> {
    let mut frames = Vec::new();
    for (id, text) in
        [(b"TIT2", &tags.title), (b"TPE1", &tags.artist), (b"TALB", &tags.album), (b"TCON", &tags.genre)]
    {
        if text.is_empty() {
            continue;
        }
        // UTF-16 with a byte order mark is the one encoding of 2.3 that holds every title.
        let mut body = vec![1, 0xff, 0xfe];
        body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        frames.extend_from_slice(id);
        frames.extend_from_slice(&(body.len() as u32).to_be_bytes());
        frames.extend_from_slice(&[0, 0]);
        frames.extend_from_slice(&body);
    }
    let mut tag = b"ID3\x03\x00\x00".to_vec();
    // Seven bits a byte, so that no size looks like an MPEG frame.
    tag.extend([21, 14, 7, 0].map(|shift| (frames.len() >> shift) as u8 & 0x7f));
    tag.extend_from_slice(&frames);
    tag
}
