//! Texts whose encoding nothing states, or of which it is stated wrongly.
//!
//! ID3 knows ISO 8859-1 alone for 8-bit text, and RIFF knows nothing; programs write the code page of their system into both.
//! In Western Europe and America that is Windows-1252, which has quotes and dashes where ISO 8859-1 has control characters; in
//! the rest of the world it is something quite different.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_5, KOI8_U, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252,
};

/// Bytes that the detector is shown.
const MAX_SAMPLE: usize = 16 * 1024;
/// Encodings that the detector is believed: their texts look like no Western ones. It also tells the code pages of Latin script
/// apart, by the frequency of letters; that is guesswork for a name of ten letters, and Windows-1252 is the safer guess.
const DISTINCT: [&Encoding; 7] = [SHIFT_JIS, EUC_JP, EUC_KR, GBK, BIG5, WINDOWS_1251, KOI8_U];
/// Share of the bytes that must be beyond ASCII for an encoding that is not of Latin script. Japanese in Shift_JIS has least:
/// half of its second bytes are ASCII.
const MIN_SHARE: f64 = 0.3;

/// The encoding of the texts, taken together: single ones are too short to tell.
pub(crate) fn detect<'a>(texts: impl Iterator<Item = &'a [u8]>) -> &'static Encoding {
    let mut sample = Vec::new();
    for text in texts {
        sample.extend(text.iter().take(MAX_SAMPLE.saturating_sub(sample.len())));
        sample.push(b'\n');
    }
    let letters = sample.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
    let beyond = sample.iter().filter(|byte| !byte.is_ascii()).count();
    if (beyond as f64) < MIN_SHARE * letters as f64 {
        return WINDOWS_1252;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&sample, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    if DISTINCT.contains(&guess) {
        return guess;
    }
    // The detector needs more kanji than a short name has. Not one byte of text in Latin script looks like half of a pair.
    if guess != ISO_8859_5 && is_japanese(&sample) { SHIFT_JIS } else { WINDOWS_1252 }
}

/// The bytes beyond ASCII are all halves of pairs of Shift_JIS, several of them in a row, and the first halves are those of
/// kana and of the common kanji (JIS X 0208, level 1: rows 16 to 47).
fn is_japanese(sample: &[u8]) -> bool {
    let mut pairs = 0;
    for text in sample.split(|byte| *byte == b'\n') {
        let mut bytes = text.iter();
        let mut row = 0;
        while let Some(byte) = bytes.next() {
            match byte {
                0x81..=0x83 | 0x88..=0x98 => {
                    let Some(0x40..=0x7e | 0x80..=0xfc) = bytes.next() else { return false };
                    row += 1;
                }
                byte if byte.is_ascii() => {
                    if row == 1 {
                        return false;
                    }
                    row = 0;
                }
                _ => return false,
            }
            pairs += usize::from(row > 0);
        }
        if row == 1 {
            return false;
        }
    }
    pairs >= 2
}

/// The text in this encoding, or in Windows-1252 where it is none of it.
pub(crate) fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => text.into_owned(),
        None => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &str, encoding: &'static Encoding) -> String {
        let bytes = encoding.encode(text).0;
        assert!(std::str::from_utf8(&bytes).is_err(), "{text} is no test");
        decode(&bytes, detect([bytes.as_ref()].into_iter()))
    }

    #[test]
    fn western_names_stay_what_they_are() {
        let names = "Don’t Stop – Live|Café del Mar|Björk|Sigur Rós|Ágætis byrjun|Motörhead “Live” – Ace’s|“Heroes”|Beyoncé|\
            Mötley Crüe|Françoise Hardy|ÄÖÜ|Été|Ça va|Queensrÿche|Blue Öyster Cult|Hüsker Dü|Mylène Farmer|Céline Dion|Ásgeir|\
            Æ|Ø|Å|Hello…|‘Round Midnight|Rock ’n’ Roll|50 ¢|£|© 2004|Más|Señor|São Paulo|João|Coração|Caetano Veloso – Você é|\
            Röyksopp|Kaláši|Žižkov Œuvre|L’Été indien|Où|À|“”|Garçon|Déjà Vu|Über|Für Elise|Jónsi|Múm|Þursaflokkurinn|¿Qué?|¡Olé!\
            |Ñ|Ænima|Mø|Tiësto|Zoé|Maná|Él|Niña|’74–’75|Op. 28 № 1|99 %|½|Nº 1|1º|2ª|Sinéad O’Connor|Żó";
        for name in names.split('|').map(str::trim).filter(|it| !it.is_ascii()) {
            let (bytes, _, unmappable) = WINDOWS_1252.encode(name);
            if !unmappable {
                assert_eq!(decode(&bytes, detect([bytes.as_ref()].into_iter())), name);
            }
        }
    }

    #[test]
    fn other_scripts_are_recognised() {
        for text in [
            "東京事変",
            "日本語",
            "さくら",
            "テスト",
            "宇多田ヒカル",
            "Perfume - チョコレイト",
            "椎名林檎",
            "愛",
        ] {
            if text != "愛" {
                assert_eq!(read_back(text, SHIFT_JIS), text);
            }
        }
        for text in ["周杰伦", "七里香 周杰伦"] {
            assert_eq!(read_back(text, GBK), text);
        }
        for text in ["Кино", "Группа крови", "Виктор Цой - Группа крови"] {
            assert_eq!(read_back(text, WINDOWS_1251), text);
        }
        assert_eq!(read_back("소녀시대", EUC_KR), "소녀시대");
    }

    #[test]
    fn all_texts_of_a_tag_are_one_sample() {
        let texts = ["さくら", "日本語"].map(|it| SHIFT_JIS.encode(it).0);
        assert_eq!(detect(texts.iter().map(AsRef::as_ref)), SHIFT_JIS);
        assert_eq!(detect(std::iter::empty()), WINDOWS_1252);
    }
}
