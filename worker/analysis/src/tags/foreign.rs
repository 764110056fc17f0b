//! Tags of containers that libav alone reads, such as ASF: it has read them when it opened the file.

use super::content::TagContent;
use super::field::Field;
use symphonia::core::formats::FormatReader;
use symphonia::core::meta::RawValue;

/// What the demuxer knows, by the names that it gives them.
pub(crate) fn read(reader: &mut dyn FormatReader) -> Option<TagContent> {
    let mut content = TagContent::default();
    let mut metadata = reader.metadata();
    let revision = metadata.skip_to_latest()?;
    let tracks = revision.per_track.iter().flat_map(|track| &track.metadata.tags);
    for tag in revision.media.tags.iter().chain(tracks) {
        // RealMedia and ASF call the artist so.
        let name = if tag.raw.key.eq_ignore_ascii_case("author") { "artist" } else { &tag.raw.key };
        if let (RawValue::String(value), Some(field)) = (&tag.raw.value, Field::named(name)) {
            content.add(field, value);
        }
    }
    Some(content.finish())
}
