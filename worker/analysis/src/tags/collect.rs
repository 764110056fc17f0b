//! From what the tags of a file say to the one answer of the report.

use super::content::{MAX_CHARS, TagContent, note};
use super::field::Field;
use super::{dates, numbers};
use report::{CoverArt, MusicBrainz, ReplayGain, Tags};

/// The tags of a file, the most trusted first. A field is taken from the first of them that has it.
struct Contents<'a>(&'a [TagContent]);

/// Merges the tags of a file, the most trusted of which comes first.
pub(crate) fn collect(contents: &[TagContent]) -> Tags {
    let tags = Contents(contents);
    let mut unread = Vec::new();
    contents.iter().flat_map(TagContent::unread).for_each(|it| note(&mut unread, it));
    let artist = tags.values(&[Field::Artist, Field::Artists]);
    let album_artist = tags.values(&[Field::AlbumArtist, Field::AlbumArtists]);
    let (composers, genres) = (tags.values(&[Field::Composer]), tags.values(&[Field::Genre]));
    let (labels, isrcs) = (tags.values(&[Field::Label, Field::Publisher]), tags.values(&[Field::Isrc]));
    let (track_number, track_total) = tags.position(Field::Track, Field::TrackTotal, "track", &mut unread);
    let (disc_number, disc_total) = tags.position(Field::Disc, Field::DiscTotal, "disc", &mut unread);
    let date = tags.date();
    let year = date.as_deref().and_then(dates::year);
    if let Some(date) = date.as_deref().filter(|it| year.is_none() && it.chars().any(|it| it != '0')) {
        note(&mut unread, &format!("date: no year in \"{date}\""));
    }
    Tags {
        title: tags.text(Field::Title),
        artist: joined(&artist),
        artists: listed(&tags.values(&[Field::Artists, Field::Artist])),
        album: tags.text(Field::Album),
        album_artist: joined(&album_artist),
        album_artists: listed(&tags.values(&[Field::AlbumArtists, Field::AlbumArtist])),
        composer: joined(&composers),
        composers: listed(&composers),
        genre: joined(&genres),
        genres: listed(&genres),
        label: joined(&labels),
        labels: listed(&labels),
        comment: joined(&tags.values(&[Field::Comment, Field::Description])),
        track_number,
        track_total,
        disc_number,
        disc_total,
        year,
        date,
        bpm: tags.parsed(Field::Bpm, "bpm", numbers::tempo, &mut unread),
        initial_key: tags.text(Field::InitialKey),
        isrc: joined(&isrcs),
        isrcs: listed(&isrcs),
        encoder: joined(&tags.values(&[Field::Encoder, Field::EncodedBy])),
        musicbrainz: tags.musicbrainz(),
        replaygain: tags.replaygain(&mut unread),
        cover_art: tags.cover(),
        unread,
    }
}

impl<'a> Contents<'a> {
    /// All values of the first of these fields that any tag has.
    fn values(&self, fields: &[Field]) -> Vec<&'a str> {
        let mut found = fields.iter().flat_map(|field| self.0.iter().map(move |tag| (tag, *field)));
        found
            .find_map(|(tag, field)| Some(tag.values(field).collect::<Vec<_>>()).filter(|it| !it.is_empty()))
            .unwrap_or_default()
    }

    fn text(&self, field: Field) -> Option<String> {
        joined(&self.values(&[field]))
    }

    /// The first value of a field that is a number of its kind. A note is left where there is a value and none of them is.
    fn parsed<T>(
        &self,
        field: Field,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        unread: &mut Vec<String>,
    ) -> Option<T> {
        let values: Vec<&str> = self.0.iter().flat_map(|tag| tag.values(field)).collect();
        let number = values.iter().find_map(|it| parse(it));
        // Taggers write 0 for "unknown".
        let known = values.iter().find(|it| numbers::decimal(it) != Some(0.0));
        if let Some(value) = known.filter(|_| number.is_none()) {
            note(unread, &format!("{name}: \"{value}\" is not understood"));
        }
        number
    }

    fn position(
        &self,
        number: Field,
        total: Field,
        name: &str,
        unread: &mut Vec<String>,
    ) -> (Option<u32>, Option<u32>) {
        let values = self.0.iter().flat_map(|tag| tag.values(number));
        let stated = values.map(numbers::position).find_map(|it| it.1);
        let some = |text: &str| match numbers::position(text) {
            (None, None) => None,
            position => Some(position.0),
        };
        let position = self.parsed(number, &format!("{name} number"), some, unread).flatten();
        let positive = |text: &str| numbers::number(text).filter(|it| *it > 0);
        let total = self.parsed(total, &format!("{name} total"), positive, unread);
        (position, total.or(stated))
    }

    /// The first date with a year in it, or else the first.
    fn date(&self) -> Option<String> {
        let first = |tag: &TagContent, field| tag.values(field).next().map(str::to_owned);
        let year = |tag: &TagContent| {
            let year = tag.values(Field::Year).next()?;
            let (day, time) = (tag.values(Field::DayMonth).next(), tag.values(Field::HourMinute).next());
            Some(dates::composed(year, day, time))
        };
        let candidates: Vec<String> = self
            .0
            .iter()
            .flat_map(|tag| tag.values(Field::RecordingDate).map(str::to_owned))
            .chain(self.0.iter().filter_map(year))
            .chain(self.0.iter().filter_map(|tag| first(tag, Field::ReleaseDate)))
            .collect();
        let dated = candidates.iter().find(|it| dates::year(it).is_some());
        dated.or(candidates.first()).cloned()
    }

    fn musicbrainz(&self) -> Option<MusicBrainz> {
        let ids = MusicBrainz {
            recording_id: self.text(Field::MusicBrainzRecording),
            track_id: self.text(Field::MusicBrainzTrack),
            release_id: self.text(Field::MusicBrainzRelease),
            release_group_id: self.text(Field::MusicBrainzReleaseGroup),
            artist_id: self.text(Field::MusicBrainzArtist),
            release_artist_id: self.text(Field::MusicBrainzReleaseArtist),
        };
        (ids != MusicBrainz::default()).then_some(ids)
    }

    fn replaygain(&self, unread: &mut Vec<String>) -> Option<ReplayGain> {
        let mut gain = |field, name, r128| {
            let gain = self.parsed(field, name, numbers::gain, unread);
            gain.or_else(|| self.parsed(r128, "R128 gain", numbers::r128_gain, unread))
        };
        let track_gain_db = gain(Field::TrackGain, "track gain", Field::R128TrackGain);
        let album_gain_db = gain(Field::AlbumGain, "album gain", Field::R128AlbumGain);
        let gains = ReplayGain {
            track_gain_db,
            track_peak: self.parsed(Field::TrackPeak, "track peak", numbers::peak, unread),
            album_gain_db,
            album_peak: self.parsed(Field::AlbumPeak, "album peak", numbers::peak, unread),
        };
        (gains != ReplayGain::default()).then_some(gains)
    }

    fn cover(&self) -> Option<CoverArt> {
        let covers = self.0.iter().filter_map(TagContent::cover);
        let front = covers.clone().find(|(front, _)| *front);
        front.or_else(|| covers.into_iter().next()).map(|(_, cover)| cover.clone())
    }
}

/// The values in one text of bounded length.
fn joined(values: &[&str]) -> Option<String> {
    let text = values.join("; ");
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    (end > 0).then(|| text[..end].to_owned())
}

/// The values one by one, as many as the joined text has room for.
fn listed(values: &[&str]) -> Vec<String> {
    let mut room = MAX_CHARS;
    let mut list = Vec::new();
    for value in values {
        let Some(left) = room.checked_sub(value.chars().count()) else { break };
        room = left;
        list.push((*value).to_owned());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(values: &[(Field, &str)]) -> TagContent {
        let mut content = TagContent::default();
        values.iter().for_each(|(field, text)| content.add(*field, text));
        content
    }

    #[test]
    fn several_values_are_a_list_and_a_text() {
        let tags = collect(&[content(&[(Field::Artist, "A"), (Field::Artist, "B"), (Field::Genre, "Jazz")])]);
        assert_eq!((tags.artist.as_deref(), tags.artists), (Some("A; B"), vec!["A".into(), "B".into()]));
        assert_eq!((tags.genre.as_deref(), tags.genres), (Some("Jazz"), vec!["Jazz".into()]));
        assert_eq!((tags.composers, tags.unread), (vec![], Vec::<String>::new()));
        let featured = content(&[(Field::Artist, "A feat. B"), (Field::Artists, "A\0B")]);
        let tags = collect(&[featured]);
        assert_eq!((tags.artist.as_deref(), tags.artists.len()), (Some("A feat. B"), 2));
    }

    #[test]
    fn the_first_tag_that_has_a_field_wins() {
        let first = content(&[(Field::Title, "First"), (Field::Artist, "")]);
        let second = content(&[(Field::Title, "Second"), (Field::Artist, "Second")]);
        let tags = collect(&[first, second]);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("First"), Some("Second")));
    }

    #[test]
    fn the_first_date_with_a_year_wins() {
        let date = |values: &[(Field, &str)]| {
            let tags = collect(&[content(values)]);
            (tags.date.unwrap_or_default(), tags.year)
        };
        let frames = [(Field::Year, "2004"), (Field::DayMonth, "1205"), (Field::HourMinute, "0910")];
        assert_eq!(date(&frames), ("2004-05-12T09:10".into(), Some(2004)));
        let zeros = [(Field::RecordingDate, "0000"), (Field::Year, "2004")];
        assert_eq!(date(&zeros), ("2004".into(), Some(2004)));
        assert_eq!(date(&[(Field::ReleaseDate, "12.05.2004")]), ("12.05.2004".into(), Some(2004)));
        assert_eq!(date(&[(Field::RecordingDate, "spring")]), ("spring".into(), None));
    }

    #[test]
    fn what_is_not_understood_is_noted() {
        let tags = collect(&[content(&[
            (Field::Bpm, "fast"),
            (Field::Track, "A1"),
            (Field::DiscTotal, "0"),
            (Field::TrackGain, "loud"),
            (Field::RecordingDate, "spring"),
        ])]);
        assert_eq!(
            tags.unread,
            [
                "track number: \"A1\" is not understood",
                "date: no year in \"spring\"",
                "bpm: \"fast\" is not understood",
                "track gain: \"loud\" is not understood",
            ]
        );
    }

    #[test]
    fn lists_are_bounded_as_the_text_is() {
        let values: Vec<String> = (0..32).map(|it| format!("{it}{}", "ä".repeat(100))).collect();
        let mut full = TagContent::default();
        values.iter().for_each(|it| full.add(Field::Genre, it));
        let tags = collect(&[full]);
        assert_eq!(tags.genre.unwrap().chars().count(), MAX_CHARS);
        assert_eq!(tags.genres.len(), 10);
    }
}
