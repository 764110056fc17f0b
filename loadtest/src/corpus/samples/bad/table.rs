//! The table of the bad files.

use super::{Bad, End, Made};
use crate::corpus::format::Format;

const OK: End = ("ok", None);
const PARTIAL: End = ("partial", None);
const NOT_APPLICABLE: End = ("not_applicable", None);
const CORRUPT: End = ("failed", Some("corrupt"));
const UNSUPPORTED: End = ("failed", Some("unsupported"));

/// A type 0 MIDI file: one track, one note.
const MIDI: &[u8] = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x0c\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0";

pub(in super::super) static BAD: &[Bad] = &[
    Bad {
        name: "bit_flipped.flac",
        made: Made::Flipped(Format::Flac, 500),
        accept: &[PARTIAL, CORRUPT],
        why: "every FLAC frame has a CRC, so each damaged frame is known",
    },
    Bad {
        name: "bit_flipped.mp3",
        made: Made::Flipped(Format::Mp3, 20),
        accept: &[PARTIAL, CORRUPT],
        why: "MP3 has no checksum here, but the damage hits headers of frames, so that fewer come out than the Xing header announces",
    },
    Bad {
        name: "bit_flipped.ogg",
        made: Made::Flipped(Format::Ogg, 1000),
        accept: &[PARTIAL, CORRUPT],
        why: "every Ogg page has a CRC; pages that fail it are missing from the sequence",
    },
    Bad { name: "empty.mp3", made: Made::Bytes(b""), accept: &[UNSUPPORTED, CORRUPT], why: "zero bytes" },
    Bad {
        name: "flac_named.mp3",
        made: Made::Whole(Format::Flac, 3.0),
        accept: &[OK],
        why: "a sound FLAC file with a wrong name: the content decides",
    },
    Bad {
        name: "jpeg_named.flac",
        made: Made::Picture(&["-frames:v", "1", "-c:v", "mjpeg", "-f", "image2"]),
        accept: &[UNSUPPORTED, CORRUPT],
        why: "a picture",
    },
    Bad { name: "midi.mid", made: Made::Bytes(MIDI), accept: &[UNSUPPORTED], why: "notes, not audio" },
    Bad {
        name: "silence.flac",
        made: Made::Silence(Format::Flac, 3.0),
        accept: &[NOT_APPLICABLE],
        why: "every sample is 0: there is no tempo, key or loudness to find",
    },
    Bad {
        name: "silence.wav",
        made: Made::Silence(Format::Wav, 1.0),
        accept: &[NOT_APPLICABLE],
        why: "every sample is 0: there is no tempo, key or loudness to find",
    },
    Bad {
        name: "speex.spx",
        made: Made::Tone(&["-c:a", "libspeex", "-b:a", "12k", "-f", "ogg"]),
        accept: &[UNSUPPORTED],
        why: "a sound Speex file; there is no decoder for it",
    },
    Bad {
        name: "tenth_of_a_second.wav",
        made: Made::Whole(Format::Wav, 0.1),
        accept: &[NOT_APPLICABLE],
        why: "shorter than one 400 ms block of the loudness measurement and than any beat",
    },
    Bad {
        name: "text_named.mp3",
        made: Made::Bytes(b"This is a text file. Somebody gave it the name of a song.\n"),
        accept: &[UNSUPPORTED, CORRUPT],
        why: "text",
    },
    Bad {
        name: "truncated.flac",
        made: Made::Truncated(Format::Flac, 3.0),
        accept: &[PARTIAL, CORRUPT],
        why: "half of the file; STREAMINFO announces all of it",
    },
    Bad {
        name: "truncated.m4a",
        made: Made::Truncated(Format::M4a, 3.0),
        accept: &[CORRUPT, UNSUPPORTED],
        why: "the index stands at the end of the file and is lost",
    },
    Bad {
        name: "truncated.mp3",
        made: Made::Truncated(Format::Mp3, 3.0),
        accept: &[PARTIAL, CORRUPT],
        why: "half of the file; the Xing header announces all of it",
    },
    Bad {
        name: "truncated.ogg",
        made: Made::Truncated(Format::Ogg, 6.0),
        accept: &[PARTIAL, CORRUPT],
        why: "half of the file: the last page is cut off and none is marked as the end of the stream",
    },
    Bad {
        name: "truncated.wav",
        made: Made::Truncated(Format::Wav, 3.0),
        accept: &[PARTIAL, CORRUPT],
        why: "half of the file; the data chunk announces all of it",
    },
    Bad {
        name: "video_only.mp4",
        made: Made::Picture(&["-c:v", "mpeg4", "-f", "mp4"]),
        accept: &[UNSUPPORTED],
        why: "a film without sound",
    },
    Bad {
        name: "zero_frames.wav",
        made: Made::Silence(Format::Wav, 0.0),
        accept: &[NOT_APPLICABLE, CORRUPT],
        why: "a complete header and no sample",
    },
];
