use serde::{Deserialize, Serialize};

/// What the file says of itself, whatever tag format says it. It travels alone too: tags are read afresh even where the rest
/// of the report comes from a cache.
///
/// Texts are trimmed, free of control characters, and cut to a bounded length. Several values of one field are joined
/// by `; `; beside the joined text of fields that often have several stands a list of them, which is empty where the field has
/// none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Tags {
    /// Title of the track.
    pub title: Option<String>,
    /// Performer of the track.
    pub artist: Option<String>,
    /// Performers of the track, one by one.
    pub artists: Vec<String>,
    /// Title of the album.
    pub album: Option<String>,
    /// Performer of the album.
    pub album_artist: Option<String>,
    /// Performers of the album, one by one.
    pub album_artists: Vec<String>,
    /// Composer.
    pub composer: Option<String>,
    /// Composers, one by one.
    pub composers: Vec<String>,
    /// Genre.
    pub genre: Option<String>,
    /// Genres, one by one.
    pub genres: Vec<String>,
    /// Publisher or record label.
    pub label: Option<String>,
    /// Publishers or record labels, one by one.
    pub labels: Vec<String>,
    /// Comment of a person, not the notes that programs leave for themselves in the same place.
    pub comment: Option<String>,
    /// Number of the track on its disc, from 1.
    pub track_number: Option<u32>,
    /// Number of tracks on the disc.
    pub track_total: Option<u32>,
    /// Number of the disc, from 1.
    pub disc_number: Option<u32>,
    /// Number of discs.
    pub disc_total: Option<u32>,
    /// Date of the recording or release as written, such as `1997-05-21`, `1997` or `21.05.1997`.
    pub date: Option<String>,
    /// Year of [`Self::date`].
    pub year: Option<u32>,
    /// Tempo that the tag claims, in beats per minute.
    pub bpm: Option<f64>,
    /// Key that the tag claims, as written: `Am`, `8A`, `F#` …
    pub initial_key: Option<String>,
    /// International Standard Recording Code.
    pub isrc: Option<String>,
    /// Recording codes, one by one.
    pub isrcs: Vec<String>,
    /// Program that encoded the file, as it names itself.
    pub encoder: Option<String>,
    /// Identifiers of MusicBrainz.
    pub musicbrainz: Option<MusicBrainz>,
    /// ReplayGain values that the tag claims.
    pub replaygain: Option<ReplayGain>,
    /// The front cover, or else the first picture.
    pub cover_art: Option<CoverArt>,
    /// What of the tags could not be read, and why, at most 16 notes: the frame, atom or field, then the cause. It stands here
    /// and not among the evidence of damage, which all copies of the same audio share.
    pub unread: Vec<String>,
}

/// MusicBrainz identifiers, as written (UUIDs where the tagger was sane).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MusicBrainz {
    /// The recording.
    pub recording_id: Option<String>,
    /// The track on its release.
    pub track_id: Option<String>,
    /// The release.
    pub release_id: Option<String>,
    /// The release group.
    pub release_group_id: Option<String>,
    /// The artist of the track.
    pub artist_id: Option<String>,
    /// The artist of the release.
    pub release_artist_id: Option<String>,
}

/// ReplayGain as found in the tags, whoever computed it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReplayGain {
    /// Gain of the track, in dB.
    pub track_gain_db: Option<f64>,
    /// Peak of the track, linear, 1.0 is full scale.
    pub track_peak: Option<f64>,
    /// Gain of the album, in dB.
    pub album_gain_db: Option<f64>,
    /// Peak of the album, linear, 1.0 is full scale.
    pub album_peak: Option<f64>,
}

/// A picture in the tags: that it is there, not its content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CoverArt {
    /// Media type as written, such as `image/jpeg`.
    pub mime: Option<String>,
    /// Size of the encoded picture, in bytes.
    pub size_bytes: u64,
}
