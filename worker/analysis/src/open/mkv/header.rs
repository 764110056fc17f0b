//! What a Matroska file says in front of its clusters.

use super::super::Found;
use super::super::splice::Part;
use super::codec::{self, Stated};
use super::ebml::{Element, element};
use super::encoding::Encodings;
use crate::Error;
use std::fs::File;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::units::TimeBase;

pub(super) const EBML: u32 = 0x1a45_dfa3;
pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_TYPE: u32 = 0x83;
const FLAG_DEFAULT: u32 = 0x88;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const CODEC_DELAY: u32 = 0x56aa;
const DEFAULT_DURATION: u32 = 0x0023_e383;
const CONTENT_ENCODINGS: u32 = 0x6d80;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CHANNELS: u32 = 0x9f;
const BIT_DEPTH: u32 = 0x6264;
const ATTACHMENTS: u32 = 0x1941_a469;
const VOID: u8 = 0xec;

const AUDIO_TRACK: u64 = 2;

/// Elements of the segment to walk over. Files whose tracks stand behind their clusters have one for each cluster.
const MAX_ELEMENTS: usize = 65_536;
/// Tracks to look at: films have some tens.
const MAX_TRACKS: usize = 256;
/// Bytes of a codec's name.
const MAX_NAME: u64 = 128;
/// Bytes of a codec's configuration: that of Vorbis has tables of some kilobytes.
const MAX_PRIVATE: u64 = 1 << 20;
/// The longest delay that is believed, in nanoseconds. Codecs need some tens of milliseconds.
const MAX_DELAY: u64 = 1_000_000_000;
/// Nanoseconds per tick unless the file says otherwise (RFC 9559 §5.1.2.9).
const MILLISECOND: u64 = 1_000_000;

/// An audio track.
#[derive(Debug, Clone)]
pub(super) struct TrackEntry {
    pub(super) number: u32,
    pub(super) default: bool,
    /// `None` for what there is no decoder for.
    pub(super) parameters: Option<AudioCodecParameters>,
    /// Why there is none.
    pub(super) refusal: Option<String>,
    /// Nanoseconds to be dropped from the start.
    pub(super) delay: u64,
    /// Nanoseconds of one packet, where all have the same.
    pub(super) packet_duration: Option<u64>,
    pub(super) encodings: Encodings,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) time_base: TimeBase,
    /// Nanoseconds per tick.
    pub(super) scale: u64,
    /// Length of the whole, in ticks.
    pub(super) duration: Option<u64>,
    pub(super) tracks: Vec<TrackEntry>,
    /// Where clusters begin.
    pub(super) clusters: u64,
    /// The segment is longer than the file.
    pub(super) truncated: bool,
    /// Attachments, which no demuxer shall read into memory.
    pub(super) hidden: Vec<(u64, u64)>,
}

impl Header {
    pub(super) fn read(file: &File, found: &Found) -> Result<Self, Error> {
        let broken =
            |what: &str| Error::Corrupt { detail: format!("the mkv file is damaged or truncated: {what}") };
        let ebml = element(file, found.start, found.end)?.filter(|it| it.id == EBML);
        let segment = match ebml {
            Some(ebml) => element(file, ebml.end, found.end)?.filter(|it| it.id == SEGMENT),
            None => None,
        };
        let segment = segment.ok_or_else(|| broken("it has no segment"))?;
        let mut header = Self {
            time_base: TimeBase::default(),
            scale: MILLISECOND,
            duration: None,
            tracks: Vec::new(),
            clusters: segment.end,
            truncated: segment.stated_end.is_some_and(|it| it > found.end),
            hidden: Vec::new(),
        };
        let found_tracks = header.walk(file, &segment)?;
        header.time_base = time_base(header.scale);
        match (found_tracks, header.tracks.is_empty()) {
            (false, _) => Err(broken("it has no list of tracks")),
            (true, true) => Err(Error::Unsupported { detail: "Matroska without an audio track".to_owned() }),
            _ => Ok(header),
        }
    }

    /// Reads the children of the segment up to the clusters, or up to the tracks where they stand behind. Says whether there
    /// are any.
    fn walk(&mut self, file: &File, segment: &Element) -> Result<bool, Error> {
        let mut at = segment.start;
        let mut found = false;
        for _ in 0..MAX_ELEMENTS {
            let Some(child) = element(file, at, segment.end)? else { break };
            match child.id {
                CLUSTER => {
                    self.clusters = self.clusters.min(child.header);
                    // The length of a cluster that is being written is not known, nor what follows it.
                    if found || child.stated_end.is_none() {
                        break;
                    }
                }
                INFO => self.info(file, &child)?,
                TRACKS => {
                    found = true;
                    for entry in
                        child.children(file)?.iter().filter(|it| it.id == TRACK_ENTRY).take(MAX_TRACKS)
                    {
                        self.tracks.extend(track(file, entry)?);
                    }
                }
                ATTACHMENTS => self.hidden.push((child.header, child.end)),
                _ => {}
            }
            at = child.end;
        }
        Ok(found)
    }

    fn info(&mut self, file: &File, info: &Element) -> Result<(), Error> {
        let mut duration = 0.0;
        for child in info.children(file)? {
            match child.id {
                TIMESTAMP_SCALE => self.scale = child.unsigned(file)?,
                DURATION => duration = child.float(file)?,
                _ => {}
            }
        }
        if self.scale == 0 || self.scale > u64::from(u32::MAX) {
            return Err(Error::Corrupt { detail: "the mkv file's clock makes no sense".to_owned() });
        }
        self.duration = (duration >= 1.0).then_some(duration.round() as u64);
        Ok(())
    }
}

/// Seconds per tick, as the smallest fraction, since numbers are multiplied with it.
fn time_base(scale: u64) -> TimeBase {
    TimeBase::try_new(u32::try_from(scale).unwrap_or(1), super::NANOSECONDS)
        .map_or_else(TimeBase::default, |it| it.reduce())
}

fn track(file: &File, entry: &Element) -> Result<Option<TrackEntry>, Error> {
    let (mut number, mut kind, mut default, mut delay, mut packet_duration) = (0, 0, true, 0, None);
    let mut stated = Stated { rate: 8000.0, channels: 1, ..Stated::default() };
    let mut encodings = Ok(Encodings::default());
    for child in entry.children(file)? {
        match child.id {
            TRACK_NUMBER => number = child.unsigned(file)?,
            TRACK_TYPE => kind = child.unsigned(file)?,
            FLAG_DEFAULT => default = child.unsigned(file)? != 0,
            CODEC_ID => stated.codec = child.text(file, MAX_NAME)?,
            CODEC_PRIVATE => stated.private = Some(child.bytes(file, MAX_PRIVATE)?),
            CODEC_DELAY => delay = Some(child.unsigned(file)?).filter(|it| *it <= MAX_DELAY).unwrap_or(0),
            DEFAULT_DURATION => packet_duration = Some(child.unsigned(file)?),
            CONTENT_ENCODINGS => encodings = Encodings::read(file, &child)?,
            AUDIO => audio(file, &child, &mut stated)?,
            _ => {}
        }
    }
    let Some(number) = u32::try_from(number).ok().filter(|_| kind == AUDIO_TRACK) else { return Ok(None) };
    let made = encodings.and_then(|encodings| {
        if let Some(private) = &mut stated.private {
            *private = encodings.configuration(private).ok_or("damaged headers in Matroska")?.into_owned();
        }
        Ok((codec::parameters(&stated)?, encodings))
    });
    let (parameters, refusal, encodings) = match made {
        Ok((parameters, encodings)) => (Some(parameters), None, encodings),
        Err(refusal) => (None, Some(refusal), Encodings::default()),
    };
    Ok(Some(TrackEntry { number, default, parameters, refusal, delay, packet_duration, encodings }))
}

fn audio(file: &File, audio: &Element, stated: &mut Stated) -> Result<(), Error> {
    for child in audio.children(file)? {
        match child.id {
            SAMPLING_FREQUENCY => stated.rate = child.float(file)?,
            CHANNELS => stated.channels = child.unsigned(file)?,
            BIT_DEPTH => stated.bits = Some(child.unsigned(file)?),
            _ => {}
        }
    }
    Ok(())
}

/// The file with these ranges turned into elements that mean nothing.
pub(super) fn hide(found: &Found, ranges: &[(u64, u64)]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = found.start;
    for (start, end) in ranges {
        // One byte of id and a length of eight bytes fit into the header that was there, or into the content behind it.
        let Some(len) = (end - start).checked_sub(9) else { continue };
        let mut void = vec![VOID];
        void.extend((1 << 56 | len).to_be_bytes());
        parts.push(Part::File { start: at, len: start - at });
        parts.push(Part::Bytes(void));
        at = start + 9;
    }
    parts.push(Part::File { start: at, len: found.end.saturating_sub(at) });
    parts
}
