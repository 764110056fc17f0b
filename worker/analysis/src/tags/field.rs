//! The fields of a report's tags, and the names that taggers give them.

/// What a value in a tag is about. Spellings of one thing that a file may hold side by side have their own fields, so that the
/// better one can be preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Title,
    Artist,
    /// The performers one by one, beside an artist such as "A feat. B".
    Artists,
    Album,
    AlbumArtist,
    AlbumArtists,
    Composer,
    Genre,
    Label,
    Publisher,
    Comment,
    Description,
    /// Number of the track, or number and total such as `7/12`.
    Track,
    TrackTotal,
    Disc,
    DiscTotal,
    RecordingDate,
    Year,
    /// Day and month as `DDMM`, which ID3v2.3 keeps beside the year.
    DayMonth,
    /// Hour and minute as `HHMM`.
    HourMinute,
    ReleaseDate,
    Bpm,
    InitialKey,
    Isrc,
    Encoder,
    EncodedBy,
    MusicBrainzRecording,
    MusicBrainzTrack,
    MusicBrainzRelease,
    MusicBrainzReleaseGroup,
    MusicBrainzArtist,
    MusicBrainzReleaseArtist,
    TrackGain,
    TrackPeak,
    AlbumGain,
    AlbumPeak,
    R128TrackGain,
    R128AlbumGain,
}

impl Field {
    /// The field of this name in formats whose names are free: Vorbis comments, APE, Matroska, CAF, and the user-defined fields
    /// of ID3v2 and MP4. Taggers disagree about capitals, blanks and underscores only.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("com.apple.quicktime.").unwrap_or(name);
        let plain: String = name.chars().filter(|it| !" _-".contains(*it)).take(40).collect();
        NAMES.iter().find(|(known, _)| plain.eq_ignore_ascii_case(known)).map(|it| it.1)
    }
}

const NAMES: [(&str, Field); 62] = [
    ("title", Field::Title),
    ("artist", Field::Artist),
    ("artists", Field::Artists),
    ("album", Field::Album),
    ("albumartist", Field::AlbumArtist),
    ("albumartists", Field::AlbumArtists),
    ("composer", Field::Composer),
    ("genre", Field::Genre),
    ("label", Field::Label),
    ("organization", Field::Label),
    ("publisher", Field::Publisher),
    ("comment", Field::Comment),
    ("comments", Field::Comment),
    ("description", Field::Description),
    ("tracknumber", Field::Track),
    ("track", Field::Track),
    ("partnumber", Field::Track),
    ("tracktotal", Field::TrackTotal),
    ("totaltracks", Field::TrackTotal),
    ("trackcount", Field::TrackTotal),
    ("discnumber", Field::Disc),
    ("disc", Field::Disc),
    ("disknumber", Field::Disc),
    ("disk", Field::Disc),
    ("disctotal", Field::DiscTotal),
    ("totaldiscs", Field::DiscTotal),
    ("disccount", Field::DiscTotal),
    ("date", Field::RecordingDate),
    ("daterecorded", Field::RecordingDate),
    ("recordeddate", Field::RecordingDate),
    ("recordingdate", Field::RecordingDate),
    ("year", Field::Year),
    ("datereleased", Field::ReleaseDate),
    ("releasedate", Field::ReleaseDate),
    ("bpm", Field::Bpm),
    ("tempo", Field::Bpm),
    ("initialkey", Field::InitialKey),
    ("key", Field::InitialKey),
    ("keysignature", Field::InitialKey),
    ("isrc", Field::Isrc),
    ("encoder", Field::Encoder),
    ("encodersoftware", Field::Encoder),
    ("encodingapplication", Field::Encoder),
    ("software", Field::Encoder),
    ("encodedby", Field::EncodedBy),
    ("musicbrainztrackid", Field::MusicBrainzRecording),
    ("musicbrainzrecordingid", Field::MusicBrainzRecording),
    ("musicbrainzreleasetrackid", Field::MusicBrainzTrack),
    ("musicbrainzalbumid", Field::MusicBrainzRelease),
    ("musicbrainzreleaseid", Field::MusicBrainzRelease),
    ("musicbrainzreleasegroupid", Field::MusicBrainzReleaseGroup),
    ("musicbrainzartistid", Field::MusicBrainzArtist),
    ("musicbrainzalbumartistid", Field::MusicBrainzReleaseArtist),
    ("replaygaintrackgain", Field::TrackGain),
    ("replaygaintrackpeak", Field::TrackPeak),
    ("replaygainalbumgain", Field::AlbumGain),
    ("replaygainalbumpeak", Field::AlbumPeak),
    ("r128trackgain", Field::R128TrackGain),
    ("r128albumgain", Field::R128AlbumGain),
    // Windows Media, as converters carry it over.
    ("wm/albumartist", Field::AlbumArtist),
    ("wm/tracknumber", Field::Track),
    ("wm/publisher", Field::Publisher),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_spelt() {
        for name in ["ALBUMARTIST", "Album Artist", "album_artist", "ALBUM-ARTIST"] {
            assert_eq!(Field::named(name), Some(Field::AlbumArtist), "{name}");
        }
        assert_eq!(Field::named("MusicBrainz Album Id"), Some(Field::MusicBrainzRelease));
        assert_eq!(Field::named("com.apple.quicktime.title"), Some(Field::Title));
        assert_eq!((Field::named("iTunNORM"), Field::named("")), (None, None));
        assert_eq!(Field::named(&"a".repeat(1 << 20)), None);
    }
}
