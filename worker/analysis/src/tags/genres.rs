//! Genres that ID3 and MP4 state by number.

/// The genre of a number: 80 of ID3v1, the rest from Winamp.
pub(crate) fn by_number(number: usize) -> Option<&'static str> {
    GENRES.get(number).copied()
}

/// Whether a genre of ID3v2 states numbers: `17`, `(17)`, `(17)Rock`, `(RX)`.
pub(crate) fn is_numbered(text: &str) -> bool {
    resolved(text) != [text]
}

/// The genres that a text of ID3v2 states (ID3v2.3 §4.2.1): numbers in brackets, then a refinement; or a number alone, as
/// version 4 has it. A bracket that begins a text is written twice.
pub(crate) fn resolved(text: &str) -> Vec<String> {
    let known = |code: &str| match code {
        "RX" => Some("Remix"),
        "CR" => Some("Cover"),
        digits => digits.parse().ok().and_then(by_number),
    };
    let mut genres = Vec::new();
    let mut rest = text;
    while let Some((genre, behind)) = rest
        .strip_prefix('(')
        .and_then(|it| it.split_once(')'))
        .and_then(|(code, it)| Some((known(code)?, it)))
    {
        genres.push(genre.to_owned());
        rest = behind;
    }
    let rest = rest.strip_prefix('(').filter(|it| it.starts_with('(')).unwrap_or(rest);
    let name = if genres.is_empty() { known(rest).unwrap_or(rest) } else { rest };
    if !name.is_empty() {
        genres.push(name.to_owned());
    }
    genres
}

#[rustfmt::skip]
const GENRES: [&str; 192] = [
    "Blues", "Classic Rock", "Country", "Dance", "Disco", "Funk", "Grunge", "Hip-Hop", "Jazz", "Metal",
    "New Age", "Oldies", "Other", "Pop", "R&B", "Rap", "Reggae", "Rock", "Techno", "Industrial",
    "Alternative", "Ska", "Death Metal", "Pranks", "Soundtrack", "Euro-Techno", "Ambient", "Trip-Hop",
    "Vocal", "Jazz+Funk", "Fusion", "Trance", "Classical", "Instrumental", "Acid", "House", "Game",
    "Sound Clip", "Gospel", "Noise", "Alternative Rock", "Bass", "Soul", "Punk", "Space", "Meditative",
    "Instrumental Pop", "Instrumental Rock", "Ethnic", "Gothic", "Darkwave", "Techno-Industrial",
    "Electronic", "Pop-Folk", "Eurodance", "Dream", "Southern Rock", "Comedy", "Cult", "Gangsta", "Top 40",
    "Christian Rap", "Pop/Funk", "Jungle", "Native American", "Cabaret", "New Wave", "Psychedelic", "Rave",
    "Showtunes", "Trailer", "Lo-Fi", "Tribal", "Acid Punk", "Acid Jazz", "Polka", "Retro", "Musical",
    "Rock & Roll", "Hard Rock", "Folk", "Folk/Rock", "National Folk", "Swing", "Fast Fusion", "Bebop",
    "Latin", "Revival", "Celtic", "Bluegrass", "Avantgarde", "Gothic Rock", "Progressive Rock",
    "Psychedelic Rock", "Symphonic Rock", "Slow Rock", "Big Band", "Chorus", "Easy Listening", "Acoustic",
    "Humour", "Speech", "Chanson", "Opera", "Chamber Music", "Sonata", "Symphony", "Booty Bass", "Primus",
    "Porn Groove", "Satire", "Slow Jam", "Club", "Tango", "Samba", "Folklore", "Ballad", "Power Ballad",
    "Rhythmic Soul", "Freestyle", "Duet", "Punk Rock", "Drum Solo", "A Cappella", "Euro-House", "Dance Hall",
    "Goa Music", "Drum & Bass", "Club-House", "Hardcore Techno", "Terror", "Indie", "BritPop", "Afro-Punk",
    "Polsk Punk", "Beat", "Christian Gangsta Rap", "Heavy Metal", "Black Metal", "Crossover",
    "Contemporary Christian", "Christian Rock", "Merengue", "Salsa", "Thrash Metal", "Anime", "JPop",
    "Synthpop", "Abstract", "Art Rock", "Baroque", "Bhangra", "Big Beat", "Breakbeat", "Chillout",
    "Downtempo", "Dub", "EBM", "Eclectic", "Electro", "Electroclash", "Emo", "Experimental", "Garage",
    "Global", "IDM", "Illbient", "Industro-Goth", "Jam Band", "Krautrock", "Leftfield", "Lounge", "Math Rock",
    "New Romantic", "Nu-Breakz", "Post-Punk", "Post-Rock", "Psytrance", "Shoegaze", "Space Rock", "Trop Rock",
    "World Music", "Neoclassical", "Audiobook", "Audio Theatre", "Neue Deutsche Welle", "Podcast",
    "Indie-Rock", "G-Funk", "Dubstep", "Garage Rock", "Psybient",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        for (text, wanted) in [
            ("Rock", vec!["Rock"]),
            ("17", vec!["Rock"]),
            ("(17)", vec!["Rock"]),
            ("(4)Eurodisco", vec!["Disco", "Eurodisco"]),
            ("(31)(39)", vec!["Trance", "Noise"]),
            ("(RX)", vec!["Remix"]),
            ("((Something)", vec!["(Something)"]),
            ("(Something)", vec!["(Something)"]),
            ("(255)", vec!["(255)"]),
            ("1984", vec!["1984"]),
            ("", vec![]),
        ] {
            assert_eq!(resolved(text), wanted, "{text}");
        }
        assert_eq!(
            (by_number(79), by_number(191), by_number(192)),
            (Some("Hard Rock"), Some("Psybient"), None)
        );
    }
}
