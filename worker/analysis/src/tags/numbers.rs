//! Numbers in texts, as taggers write them.

/// A number and the total, each where it is stated: `7/12`, `07 of 12`, `12/`. The digits at the start are the number; a total
/// follows a slash or a word.
pub(crate) fn position(text: &str) -> (Option<u32>, Option<u32>) {
    let (number, rest) = leading_digits(text.trim_start());
    let rest = rest.trim_start();
    let total = rest.strip_prefix(['/', '\\']).or_else(|| {
        let lower = rest.get(..3)?.to_ascii_lowercase();
        ["of ", "von", "de ", "di ", "sur"].contains(&lower.as_str()).then(|| &rest[3..])
    });
    let total = total.and_then(|it| leading_digits(it.trim_start()).0);
    (number, total.filter(|it| *it > 0))
}

/// The number at the start of a text.
pub(crate) fn number(text: &str) -> Option<u32> {
    position(text).0
}

fn leading_digits(text: &str) -> (Option<u32>, &str) {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].parse().ok(), &text[end..])
}

/// The decimal number at the start, whatever unit follows: −6.48 of `-6.48 dB`, `-6,48 dB` and `- 6.48`. A comma is taken for a
/// decimal point, as half of the world's programs write it.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let mut plain = String::new();
    for letter in text.trim().chars().take(40) {
        match letter {
            '−' | '–' if plain.is_empty() => plain.push('-'),
            ',' => plain.push('.'),
            // A blank may stand between the sign and the digits.
            ' ' if matches!(plain.as_str(), "-" | "+") => {}
            '0'..='9' | '.' | '+' | '-' | 'e' | 'E' => plain.push(letter),
            _ => break,
        }
    }
    // What looks like an exponent may be the beginning of a word.
    (1..=plain.len()).rev().find_map(|end| plain[..end].parse::<f64>().ok()).filter(|it| it.is_finite())
}

/// The most that a gain can be, in dB: digital silence at 24 bits is 144 dB down.
const MAX_GAIN_DB: f64 = 200.0;

/// A gain in dB.
pub(crate) fn gain(text: &str) -> Option<f64> {
    decimal(text).filter(|it| it.abs() <= MAX_GAIN_DB)
}

/// A peak, linear, 1.0 being full scale. Decoded floats exceed that, but not by 60 dB.
pub(crate) fn peak(text: &str) -> Option<f64> {
    decimal(text).filter(|it| (0.0..=1000.0).contains(it))
}

/// Gain towards the loudness of ReplayGain, in dB, of one towards that of EBU R 128: a whole number of 1/256 dB (RFC 7845
/// §5.2.1). The one aims at −18 LUFS, the other at −23.
pub(crate) fn r128_gain(text: &str) -> Option<f64> {
    text.trim().parse::<i16>().ok().map(|steps| f64::from(steps) / 256.0 + 5.0)
}

/// A tempo that could be one.
pub(crate) fn tempo(text: &str) -> Option<f64> {
    decimal(text).filter(|it| (1.0..=999.0).contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions() {
        for (text, wanted) in [
            ("7", (Some(7), None)),
            ("7/12", (Some(7), Some(12))),
            (" 07 / 12", (Some(7), Some(12))),
            ("07 of 12", (Some(7), Some(12))),
            ("7 von 12", (Some(7), Some(12))),
            ("12/", (Some(12), None)),
            ("/12", (None, Some(12))),
            ("7/0", (Some(7), None)),
            ("7.12", (Some(7), None)),
            ("7-12", (Some(7), None)),
            ("A1", (None, None)),
            ("-1", (None, None)),
            ("99999999999", (None, None)),
            ("7 öf", (Some(7), None)),
            ("", (None, None)),
        ] {
            assert_eq!(position(text), wanted, "{text}");
        }
    }

    #[test]
    fn decimals() {
        for (text, wanted) in [
            ("-6.48 dB", Some(-6.48)),
            ("-6,48 dB", Some(-6.48)),
            ("−6.48", Some(-6.48)),
            ("- 6.48", Some(-6.48)),
            ("+3.5dB", Some(3.5)),
            ("-.5 dB", Some(-0.5)),
            ("9.87654e-1", Some(0.987_654)),
            ("9,87654E-1", Some(0.987_654)),
            ("120 e", Some(120.0)),
            ("1e", Some(1.0)),
            ("NaN", None),
            ("inf", None),
            ("1e999", None),
            ("dB", None),
            ("", None),
        ] {
            assert_eq!(decimal(text), wanted, "{text}");
        }
        assert_eq!((gain("1e30"), peak("-1"), peak("1.05")), (None, None, Some(1.05)));
        assert_eq!((r128_gain("-1280"), r128_gain("40000"), r128_gain("-6.5 dB")), (Some(0.0), None, None));
        assert_eq!((tempo("128,5"), tempo("0"), tempo("fast")), (Some(128.5), None, None));
    }

    proptest! {
        #[test]
        fn numbers_are_finite_whatever_is_read(text in ".*") {
            prop_assert!(decimal(&text).is_none_or(f64::is_finite));
            let _ = (position(&text), gain(&text), peak(&text), r128_gain(&text), tempo(&text));
        }
    }
}
