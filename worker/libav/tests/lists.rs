//! The images' build of the libraries has what this crate asks for, and nothing else.

use std::collections::BTreeSet;

fn list<'a>(script: &'a str, name: &str) -> BTreeSet<&'a str> {
    let line = script.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_default().split(',').collect()
}

/// Decoders that FFmpeg's build calls otherwise than its libraries do.
fn name_in_the_build(decoder: &str) -> &str {
    match decoder {
        "atrac3plus" => "atrac3p",
        "atrac3plusal" => "atrac3pal",
        "real_144" => "ra_144",
        "real_288" => "ra_288",
        other => other,
    }
}

#[test]
fn the_images_have_these_demuxers_and_decoders() {
    let script = include_str!("../../../deploy/image/libav.sh");
    assert_eq!(list(script, "demuxers"), libav::DEMUXERS.into_iter().collect());
    let decoders = libav::DECODERS.into_iter().map(name_in_the_build).collect();
    assert_eq!(list(script, "decoders"), decoders);
}

/// So do those that are installed here.
#[cfg(feature = "linked")]
#[test]
fn the_libraries_have_a_decoder_for_each_name() {
    for codec in ["aac", "ac3", "ape", "dts", "musepack8", "tak", "wavpack", "wmapro", "dsd_lsbf", "amr_nb"] {
        let parameters = libav::Parameters::new(codec, 44_100, 2, &[]).map(|it| it.codec());
        assert_eq!(parameters, Ok(codec));
    }
    // One that is there, but not to be used.
    let parameters = libav::Parameters::new("vorbis", 44_100, 2, &[]);
    let refused = parameters.and_then(|it| libav::Decoder::new(&it, (1, 44_100)));
    assert!(matches!(refused, Err(libav::Error::Unsupported(_))), "{refused:?}");
    let refused = libav::Demuxer::open(Box::new(std::io::empty()), "hls");
    assert!(matches!(refused, Err(libav::Error::Unsupported(_))), "{refused:?}");
}
