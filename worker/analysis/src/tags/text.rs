//! Values of tags, made fit for a report: bounded, printable, finite.

/// Longest text that is kept, in characters. Longer than any title, shorter than the novels that some comments hold.
const MAX_CHARS: usize = 1024;
/// Most values of one field that are joined.
const MAX_VALUES: usize = 32;

/// All values of a field in one text. `None` if nothing is left.
pub(crate) fn joined<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    // ID3v2.4 separates values by 0.
    let values = values.flat_map(|value| value.split('\0')).take(MAX_VALUES);
    let clean = values.map(clean).filter(|value| !value.is_empty()).collect::<Vec<_>>().join("; ");
    let end = clean.char_indices().nth(MAX_CHARS).map_or(clean.len(), |(at, _)| at);
    (end > 0).then(|| clean[..end].to_owned())
}

/// Control characters become spaces: a report is also a line of a table.
fn clean(value: &str) -> String {
    let text: String =
        value.chars().take(MAX_CHARS).map(|it| if it.is_control() { ' ' } else { it }).collect();
    text.trim().to_owned()
}

/// The digits at the start: `7` of `7/12`.
pub(crate) fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The number at the start, whatever unit follows: −6.2 of `-6.20 dB`.
pub(crate) fn leading_decimal(text: &str) -> Option<f64> {
    let end = text.find(|it: char| !it.is_ascii_digit() && !"+-.".contains(it)).unwrap_or(text.len());
    text[..end].parse::<f64>().ok().filter(|it| it.is_finite())
}

/// Gain towards the loudness of ReplayGain, in dB, of one towards that of EBU R 128: a whole number of 1/256 dB (RFC 7845
/// §5.2.1). The one aims at −18 LUFS, the other at −23.
pub(crate) fn r128_gain(text: &str) -> Option<f64> {
    text.trim().parse::<i16>().ok().map(|steps| f64::from(steps) / 256.0 + 5.0)
}

/// A tempo that could be one; 0 stands for "unknown" in many taggers.
pub(crate) fn tempo(text: &str) -> Option<f64> {
    leading_decimal(&text.replace(',', ".")).filter(|it| (1.0..=999.0).contains(it))
}

/// The year of a date that begins with it.
pub(crate) fn year(date: &str) -> Option<u32> {
    let digits = date.get(..4).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|year| *year > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_joined_and_cleaned() {
        assert_eq!(joined(["A\0B ", "", " C\nD"].into_iter()).as_deref(), Some("A; B; C D"));
        assert_eq!(joined(["\0", " \t"].into_iter()), None);
        assert_eq!(joined([].into_iter()), None);
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        assert_eq!(leading_number("07/12"), Some(7));
        assert_eq!(leading_number("A1"), None);
        assert_eq!(leading_number("99999999999"), None);
        assert_eq!(leading_decimal("-6.20 dB"), Some(-6.2));
        assert_eq!(leading_decimal("+0.5"), Some(0.5));
        assert_eq!(leading_decimal("NaN"), None);
        assert_eq!((r128_gain("-1280"), r128_gain("40000"), r128_gain("")), (Some(0.0), None, None));
        assert_eq!((tempo("128,5"), tempo("0"), tempo("fast")), (Some(128.5), None, None));
        assert_eq!(
            (year("1997-05-21"), year("0000"), year("97"), year("März")),
            (Some(1997), None, None, None)
        );
    }

    proptest! {
        #[test]
        fn nothing_long_or_unprintable_comes_out(values in proptest::collection::vec(".{0,90}", 0..40)) {
            if let Some(text) = joined(values.iter().map(String::as_str)) {
                prop_assert!(!text.is_empty() && text.chars().count() <= MAX_CHARS);
                prop_assert!(!text.chars().any(char::is_control));
            }
        }

        #[test]
        fn numbers_are_finite(text in ".*") {
            prop_assert!(leading_decimal(&text).is_none_or(f64::is_finite));
            let _ = (leading_number(&text), year(&text), tempo(&text));
        }
    }
}
