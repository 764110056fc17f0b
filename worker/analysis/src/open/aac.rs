//! What an AAC stream says it is: the AudioSpecificConfig of MPEG-4 (ISO/IEC 14496-3 §1.6.2.1).

/// Sample rates by their index (table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Object types (table 1.17).
pub(crate) const LC: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;
/// Announce an extension behind the configuration (§1.6.5).
const SYNC_SBR: u32 = 0x2b7;
const SYNC_PS: u32 = 0x548;

/// The rate of the core, where `stated` is what 16 bits keep of it or of its double.
pub(super) fn overflown_rate(config: &[u8], stated: u32) -> Option<u32> {
    let rate = Config::parse(config)?.rate;
    let overflown = |rate: u32| rate > 0xffff && (stated == 0 || stated == rate & 0xffff);
    (overflown(rate) || overflown(2 * rate) && stated != rate).then_some(rate)
}

/// The configuration of a stream that has none of its own, in two bytes.
pub(super) fn configuration(object: u32, rate: u32, channels: u32) -> Option<Vec<u8>> {
    let index = RATES.iter().position(|it| *it == rate)? as u32;
    let channels = match channels {
        8 => 7,
        1..=6 => channels,
        _ => return None,
    };
    let bits = object << 11 | index << 7 | channels << 3;
    Some(vec![(bits >> 8) as u8, bits as u8])
}

/// The highest core rate of HE-AAC: its decoder doubles it, and no more than 48 kHz come out (§4.6.18).
pub(crate) const MAX_CORE_RATE: u32 = 24_000;

/// A configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    /// Object type of the core.
    pub(crate) object: u32,
    /// Sample rate of the core, in Hz.
    pub(crate) rate: u32,
    /// Channel configuration: a number of channels up to 6, 8 for 7, and 0 for a table of its own.
    pub(crate) channels: u32,
    /// Spectral band replication (HE-AAC) is announced.
    pub(crate) sbr: bool,
    /// So is parametric stereo (HE-AAC v2).
    pub(crate) ps: bool,
}

impl Config {
    /// Reads a configuration; `None` if it is too short.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes, at: 0 };
        let mut object = bits.object()?;
        let rate = bits.rate()?;
        let channels = bits.take(4)?;
        let (ps, explicit) = (object == PS, object == SBR || object == PS);
        if explicit {
            bits.rate()?;
            object = bits.object()?;
        }
        let config = Self { object, rate, channels, sbr: explicit, ps };
        let extended = if explicit || object != LC || channels == 0 { None } else { bits.extension() };
        Some(extended.map_or(config, |(sbr, ps)| Self { sbr, ps, ..config }))
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u32::from(bit))
        })
    }

    fn object(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            object => Some(object),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        match self.take(4)? {
            15 => self.take(24),
            index => RATES.get(index as usize).copied(),
        }
    }

    /// What stands behind the configuration of the core (§4.4.1): replication, and parametric stereo.
    fn extension(&mut self) -> Option<(bool, bool)> {
        self.take(1)?;
        if self.take(1)? == 1 {
            self.take(14)?;
        }
        self.take(1)?;
        if self.take(11)? != SYNC_SBR || self.object()? != SBR || self.take(1)? == 0 {
            return None;
        }
        self.rate()?;
        let ps = self.take(11) == Some(SYNC_PS) && self.take(1) == Some(1);
        Some((true, ps))
    }
}

/// The configuration of a low-complexity stream, for a decoder that must have one where the container has none.
#[cfg(feature = "libav")]
pub(crate) fn adts_config(rate: u32, channels: u16) -> Vec<u8> {
    let index = RATES.iter().position(|known| *known == rate).unwrap_or(15) as u16;
    let channels = if channels == 8 { 7 } else { channels };
    ((LC as u16) << 11 | index << 7 | (channels & 15) << 3).to_be_bytes().to_vec()
}

/// The profile of an AAC stream whose low-complexity core was decoded, at `rate`.
///
/// HE-AAC hides its upper half of the spectrum inside packets that a plain decoder skips. What announces it is not decoded as its
/// core. ADTS announces nothing, so there a low rate leaves it open.
pub(crate) fn aac_profile(adts: bool, rate: u32) -> &'static str {
    if adts && rate <= MAX_CORE_RATE { "lc-or-he-core" } else { "lc" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of so many bits each.
    fn bytes(fields: &[(u32, usize)]) -> Vec<u8> {
        let bits: Vec<u8> = fields
            .iter()
            .flat_map(|(value, count)| (0..*count).rev().map(move |bit| (value >> bit & 1) as u8))
            .collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at)))
            .collect()
    }

    const CORE: Config = Config { object: LC, rate: 22_050, channels: 2, sbr: false, ps: false };

    #[test]
    fn plain_and_announced_streams() {
        assert_eq!(Config::parse(&[0x12, 0x10]), Some(Config { rate: 44_100, ..CORE }));
        let explicit = [(SBR, 5), (7, 4), (2, 4), (4, 4), (LC, 5), (0, 3)];
        assert_eq!(Config::parse(&bytes(&explicit)), Some(Config { sbr: true, ..CORE }));
        let stereo = [(PS, 5), (7, 4), (1, 4), (4, 4), (LC, 5), (0, 3)];
        assert_eq!(Config::parse(&bytes(&stereo)), Some(Config { channels: 1, sbr: true, ps: true, ..CORE }));
        let rare = [(31, 5), (42 - 32, 6), (15, 4), (37_800, 24), (2, 4)];
        assert_eq!(Config::parse(&bytes(&rare)), Some(Config { object: 42, rate: 37_800, ..CORE }));
        assert_eq!((Config::parse(&[0x12]), Config::parse(&[])), (None, None));
    }

    #[test]
    fn extensions_behind_the_configuration() {
        let core = [(LC, 5), (7, 4), (2, 4), (0, 3)];
        let sbr = |present| [&core[..], &[(SYNC_SBR, 11), (SBR, 5), (present, 1), (4, 4)]].concat();
        assert_eq!(Config::parse(&bytes(&sbr(1))), Some(Config { sbr: true, ..CORE }));
        assert_eq!(Config::parse(&bytes(&sbr(0))), Some(CORE));
        let ps = [&sbr(1)[..], &[(SYNC_PS, 11), (1, 1)]].concat();
        assert_eq!(Config::parse(&bytes(&ps)), Some(Config { sbr: true, ps: true, ..CORE }));
        let delayed = [
            (LC, 5),
            (7, 4),
            (2, 4),
            (0, 1),
            (1, 1),
            (99, 14),
            (0, 1),
            (SYNC_SBR, 11),
            (SBR, 5),
            (1, 1),
            (4, 4),
        ];
        assert_eq!(Config::parse(&bytes(&delayed)), Some(Config { sbr: true, ..CORE }));
    }

    #[test]
    fn what_nothing_tells_from_he_aac_is_flagged() {
        assert_eq!(aac_profile(false, 22_050), "lc");
        assert_eq!(aac_profile(true, 22_050), "lc-or-he-core");
        assert_eq!(aac_profile(true, 44_100), "lc");
    }

    #[test]
    fn rates_that_overflow_are_known_from_the_configuration() {
        let config = bytes(&[(LC, 5), (0, 4), (2, 4), (0, 3)]);
        assert_eq!(overflown_rate(&config, 96_000 - 65_536), Some(96_000));
        assert_eq!(overflown_rate(&config, 0), Some(96_000));
        assert_eq!(overflown_rate(&config, 48_000), None);
        assert_eq!(overflown_rate(&[0x12, 0x10], 44_100), None);
        assert_eq!(overflown_rate(&[], 0), None);
    }

    #[test]
    fn configurations_are_made() {
        let made = configuration(LC, 44_100, 2).unwrap();
        assert_eq!(Config::parse(&made), Some(Config { rate: 44_100, ..CORE }));
        assert_eq!(configuration(LC, 44_101, 2), None);
    }
}
