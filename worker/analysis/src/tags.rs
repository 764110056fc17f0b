//! What the file says of itself. Reading alone; and whatever is wrong with a tag, the audio is still analysed.

mod named;
mod text;

use crate::guard::contain;
use crate::open::{Fault, Kind, Part, Spliced};
use crate::source::Source;
use lofty::config::{GlobalOptions, ParseOptions, apply_global_options};
use lofty::file::{FileType, TaggedFile, TaggedFileExt};
use lofty::picture::{Picture, PictureType};
use lofty::probe::Probe;
use lofty::tag::{ItemKey, Tag};
use report::{CoverArt, MusicBrainz, ReplayGain, Tags};
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;

/// Tags larger than this are read without their pictures, which is what makes them so large. Lofty keeps all of a tag in
/// memory while it is being read.
const MAX_WITH_PICTURES: u64 = 16 << 20;
/// The largest single item that lofty may allocate.
const MAX_ITEM: usize = 16 << 20;

/// Reads the tags of the file that the source was opened from. `None` if there are none that can be read.
pub(crate) fn read(file: &Arc<File>, source: &mut Source) -> Option<Tags> {
    let tags = match source.kind() {
        Kind::Mkv => {
            let title = source.title();
            contain("metadata", || named::matroska(source.reader(), title.as_deref()))?
        }
        Kind::Caf => named::core_audio(file, source.start())?,
        // libav has read them; of the others lofty reads more.
        Kind::Foreign(_) if file_type(source.kind(), false).is_none() => {
            contain("metadata", || named::matroska(source.reader(), None))?
        }
        kind => {
            let opus = source.parameters().codec == CODEC_ID_OPUS;
            let file_type = file_type(kind, opus)?;
            let pictures = source.foreign_bytes() <= MAX_WITH_PICTURES;
            let tagged = parse(file, file_type, pictures).or_else(|| parse(file, file_type, false))?;
            collect(&tagged)
        }
    };
    (tags != Tags::default()).then_some(tags)
}

/// Formats that lofty reads the tags of.
fn file_type(kind: Kind, opus: bool) -> Option<FileType> {
    match kind {
        Kind::Wav => Some(FileType::Wav),
        Kind::Aiff => Some(FileType::Aiff),
        Kind::Flac => Some(FileType::Flac),
        Kind::Ogg if opus => Some(FileType::Opus),
        Kind::Ogg => Some(FileType::Vorbis),
        Kind::Mp4 => Some(FileType::Mp4),
        Kind::Mpeg { .. } => Some(FileType::Mpeg),
        Kind::Adts => Some(FileType::Aac),
        Kind::Foreign(foreign) => match foreign.name {
            "ape" => Some(FileType::Ape),
            "wavpack" => Some(FileType::WavPack),
            "musepack" => Some(FileType::Mpc),
            _ => None,
        },
        Kind::Caf | Kind::Mkv => None,
    }
}

fn parse(file: &Arc<File>, file_type: FileType, pictures: bool) -> Option<TaggedFile> {
    let len = file.metadata().ok()?.len();
    let whole = vec![Part::File { start: 0, len }];
    let reader = BufReader::new(Spliced::new(Arc::clone(file), whole, Fault::default()));
    apply_global_options(
        GlobalOptions::new()
            .allocation_limit(MAX_ITEM)
            .use_custom_resolvers(false)
            .preserve_format_specific_items(false),
    );
    let options = ParseOptions::new().read_properties(false).read_cover_art(pictures);
    let probe = Probe::with_file_type(reader, file_type).options(options);
    match contain("tag reader", || probe.read())? {
        Ok(tagged) => Some(tagged),
        Err(error) => {
            tracing::debug!(%error, "tags cannot be read");
            None
        }
    }
}

/// The first value of each field, asking the file's own kind of tag first.
fn collect(tagged: &TaggedFile) -> Tags {
    let own = tagged.primary_tag();
    let others = tagged.tags().iter().filter(|tag| own.is_none_or(|own| own.tag_type() != tag.tag_type()));
    let tags: Vec<&Tag> = own.into_iter().chain(others).collect();
    let text = |key| tags.iter().find_map(|tag| text::joined(tag.get_strings(key)));
    let first = |keys: &[ItemKey]| keys.iter().find_map(|key| text(*key));
    let number = |key| text(key).as_deref().and_then(text::leading_number);
    let decimal = |key| text(key).as_deref().and_then(text::leading_decimal);
    let r128 = |key| text(key).as_deref().and_then(text::r128_gain);
    let date = first(&[ItemKey::RecordingDate, ItemKey::Year, ItemKey::ReleaseDate]);
    let musicbrainz = MusicBrainz {
        recording_id: text(ItemKey::MusicBrainzRecordingId),
        track_id: text(ItemKey::MusicBrainzTrackId),
        release_id: text(ItemKey::MusicBrainzReleaseId),
        release_group_id: text(ItemKey::MusicBrainzReleaseGroupId),
        artist_id: text(ItemKey::MusicBrainzArtistId),
        release_artist_id: text(ItemKey::MusicBrainzReleaseArtistId),
    };
    let replaygain = ReplayGain {
        track_gain_db: decimal(ItemKey::ReplayGainTrackGain).or_else(|| r128(ItemKey::R128TrackGain)),
        track_peak: decimal(ItemKey::ReplayGainTrackPeak),
        album_gain_db: decimal(ItemKey::ReplayGainAlbumGain).or_else(|| r128(ItemKey::R128AlbumGain)),
        album_peak: decimal(ItemKey::ReplayGainAlbumPeak),
    };
    Tags {
        title: text(ItemKey::TrackTitle),
        artist: first(&[ItemKey::TrackArtist, ItemKey::TrackArtists]),
        album: text(ItemKey::AlbumTitle),
        album_artist: text(ItemKey::AlbumArtist),
        composer: text(ItemKey::Composer),
        genre: text(ItemKey::Genre),
        label: first(&[ItemKey::Label, ItemKey::Publisher]),
        comment: text(ItemKey::Comment),
        track_number: number(ItemKey::TrackNumber),
        track_total: number(ItemKey::TrackTotal),
        disc_number: number(ItemKey::DiscNumber),
        disc_total: number(ItemKey::DiscTotal),
        year: date.as_deref().and_then(text::year),
        date,
        bpm: first(&[ItemKey::Bpm, ItemKey::IntegerBpm]).as_deref().and_then(text::tempo),
        initial_key: text(ItemKey::InitialKey),
        isrc: text(ItemKey::Isrc),
        encoder: first(&[ItemKey::EncoderSoftware, ItemKey::EncodedBy]),
        musicbrainz: (musicbrainz != MusicBrainz::default()).then_some(musicbrainz),
        replaygain: (replaygain != ReplayGain::default()).then_some(replaygain),
        cover_art: cover(tags.iter().flat_map(|tag| tag.pictures())),
    }
}

fn cover<'a>(pictures: impl Iterator<Item = &'a Picture> + Clone) -> Option<CoverArt> {
    let front = pictures.clone().find(|picture| picture.pic_type() == PictureType::CoverFront);
    let picture = front.or_else(|| pictures.into_iter().next())?;
    Some(CoverArt {
        mime: picture.mime_type().and_then(|mime| text::joined([mime.as_str()].into_iter())),
        size_bytes: picture.data().len() as u64,
    })
}
