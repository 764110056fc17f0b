//! Which names in a folder are audio.

use std::ffi::OsStr;

/// Extensions of audio files, in lower case, with what they stand for.
///
/// Formats that are not decoded are among them: their files end as `unsupported`, each by name, instead of being
/// left out in silence. Playlists, covers and texts are not. Videos whose audio can be decoded are.
pub const AUDIO_EXTENSIONS: &[(&str, &str)] = &[
    // Uncompressed.
    ("wav", "RIFF WAVE"),
    ("wave", "RIFF WAVE"),
    ("bwf", "Broadcast Wave"),
    ("rf64", "RF64 Wave"),
    ("w64", "Sony Wave64"),
    ("aif", "AIFF"),
    ("aiff", "AIFF"),
    ("aifc", "AIFF-C"),
    ("caf", "Core Audio Format"),
    ("au", "Sun audio"),
    ("snd", "Sun audio"),
    ("voc", "Creative Voice"),
    // Lossless.
    ("flac", "FLAC"),
    ("fla", "FLAC"),
    ("alac", "Apple Lossless"),
    ("ape", "Monkey's Audio"),
    ("wv", "WavPack"),
    ("tta", "True Audio"),
    ("tak", "TAK"),
    ("ofr", "OptimFROG"),
    ("shn", "Shorten"),
    ("mlp", "Meridian Lossless"),
    ("thd", "Dolby TrueHD"),
    ("dsf", "DSD"),
    ("dff", "DSD"),
    ("dst", "DSD, compressed"),
    // Lossy.
    ("mp3", "MPEG audio"),
    ("mp2", "MPEG audio"),
    ("mp1", "MPEG audio"),
    ("mpa", "MPEG audio"),
    ("mpga", "MPEG audio"),
    ("ogg", "Ogg"),
    ("oga", "Ogg"),
    ("ogx", "Ogg"),
    ("ogv", "Ogg video"),
    ("opus", "Opus"),
    ("spx", "Speex"),
    ("m4a", "MPEG-4 audio"),
    ("m4b", "MPEG-4 audio book"),
    ("m4p", "MPEG-4 audio, protected"),
    ("m4r", "MPEG-4 ring tone"),
    ("aac", "AAC"),
    ("adts", "AAC"),
    ("mp4", "MPEG-4"),
    ("m4v", "MPEG-4 video"),
    ("f4a", "MPEG-4 audio for Flash"),
    ("f4v", "MPEG-4 video for Flash"),
    ("mov", "QuickTime"),
    ("qt", "QuickTime"),
    ("3gp", "3GPP"),
    ("3gpp", "3GPP"),
    ("3g2", "3GPP2"),
    ("3ga", "3GPP"),
    ("mka", "Matroska audio"),
    ("mkv", "Matroska"),
    ("mk3d", "Matroska"),
    ("weba", "WebM audio"),
    ("webm", "WebM"),
    ("wma", "Windows Media Audio"),
    ("asf", "Windows Media"),
    ("wmv", "Windows Media video"),
    ("mpc", "Musepack"),
    ("mp+", "Musepack"),
    ("mpp", "Musepack"),
    ("ac3", "Dolby Digital"),
    ("eac3", "Dolby Digital Plus"),
    ("ec3", "Dolby Digital Plus"),
    ("dts", "DTS"),
    ("dtshd", "DTS-HD"),
    ("oma", "ATRAC"),
    ("aa3", "ATRAC"),
    ("at3", "ATRAC"),
    ("amr", "AMR"),
    ("awb", "AMR, wide band"),
    ("ra", "RealAudio"),
    ("rm", "RealMedia"),
    ("rmvb", "RealMedia"),
    ("aa", "Audible"),
    ("aax", "Audible"),
    // Scores and modules, which would have to be synthesised.
    ("mid", "MIDI"),
    ("midi", "MIDI"),
    ("kar", "MIDI karaoke"),
    ("mod", "tracker module"),
    ("xm", "tracker module"),
    ("it", "tracker module"),
    ("s3m", "tracker module"),
];

pub(super) fn is_audio(extension: Option<&OsStr>) -> bool {
    let Some(extension) = extension else { return false };
    AUDIO_EXTENSIONS.iter().any(|(known, _)| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_in_lower_case_without_doubles() {
        let names: HashSet<_> = AUDIO_EXTENSIONS.iter().map(|(extension, _)| *extension).collect();
        assert_eq!(names.len(), AUDIO_EXTENSIONS.len());
        assert!(names.iter().all(|name| *name == name.to_lowercase() && !name.starts_with('.')));
    }

    #[test]
    fn case_does_not_matter_and_the_last_extension_counts() {
        use std::path::Path;
        let cases = [
            ("a.mp3", true),
            ("a.MP3", true),
            ("a.b.Flac", true),
            ("a.mp3.txt", false),
            ("mp3", false),
            (".mp3", false),
            ("a.m3u", false),
            ("a.jpg", false),
            ("a.", false),
        ];
        for (name, audio) in cases {
            assert_eq!(is_audio(Path::new(name).extension()), audio, "{name}");
        }
    }
}
