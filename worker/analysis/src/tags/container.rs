//! Tags of the containers that only the demuxer reads: Matroska and CAF.

use super::text;
use report::Tags;
use symphonia::core::formats::FormatReader;
use symphonia::core::meta::{MetadataRevision, StandardTag};

/// Collects the tags of the file and of its tracks.
pub(crate) fn collect(reader: &mut dyn FormatReader) -> Tags {
    let mut tags = Tags::default();
    let mut metadata = reader.metadata();
    while let Some(revision) = metadata.current() {
        take(revision, &mut tags);
        // The latest revision stays.
        if metadata.pop().is_none() {
            break;
        }
    }
    tags
}

fn take(revision: &MetadataRevision, tags: &mut Tags) {
    let tracks = revision.per_track.iter().flat_map(|track| &track.metadata.tags);
    for tag in revision.media.tags.iter().chain(tracks).filter_map(|tag| tag.std.as_ref()) {
        set(tags, tag);
    }
}

/// Sets a field unless an earlier tag did.
fn set(tags: &mut Tags, tag: &StandardTag) {
    let text = |field: &mut Option<String>, value: &str| {
        if field.is_none() {
            *field = text::joined([value].into_iter());
        }
    };
    let number = |field: &mut Option<u32>, value: u64| *field = field.or_else(|| u32::try_from(value).ok());
    match tag {
        StandardTag::TrackTitle(value) => text(&mut tags.title, value),
        StandardTag::Artist(value) => text(&mut tags.artist, value),
        StandardTag::Album(value) => text(&mut tags.album, value),
        StandardTag::AlbumArtist(value) => text(&mut tags.album_artist, value),
        StandardTag::Composer(value) => text(&mut tags.composer, value),
        StandardTag::Genre(value) => text(&mut tags.genre, value),
        StandardTag::Label(value) => text(&mut tags.label, value),
        StandardTag::Comment(value) => text(&mut tags.comment, value),
        StandardTag::TrackNumber(value) => number(&mut tags.track_number, *value),
        StandardTag::TrackTotal(value) => number(&mut tags.track_total, *value),
        StandardTag::DiscNumber(value) => number(&mut tags.disc_number, *value),
        StandardTag::DiscTotal(value) => number(&mut tags.disc_total, *value),
        StandardTag::RecordingDate(value) | StandardTag::ReleaseDate(value) => {
            text(&mut tags.date, value);
            tags.year = tags.date.as_deref().and_then(text::year);
        }
        StandardTag::Bpm(value) => tags.bpm = tags.bpm.or_else(|| text::tempo(&value.to_string())),
        StandardTag::InitialKey(value) => text(&mut tags.initial_key, value),
        StandardTag::IdentIsrc(value) => text(&mut tags.isrc, value),
        StandardTag::Encoder(value) => text(&mut tags.encoder, value),
        _ => {}
    }
}
