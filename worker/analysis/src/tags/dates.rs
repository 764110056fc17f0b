//! Dates, as taggers write them.

/// The year of a date: the first four digits that stand alone, or those of the eight of `20040512` and `12052004`.
pub(crate) fn year(date: &str) -> Option<u32> {
    let mut runs = date.split(|it: char| !it.is_ascii_digit());
    runs.find_map(|run| match run.len() {
        4 => run.parse().ok(),
        8 => {
            let month = |at: usize| run.get(at..at + 2).and_then(|it| it.parse::<u32>().ok());
            let year_first = month(4).is_some_and(|it| it <= 12) && month(6).is_some_and(|it| it <= 31);
            let digits = if year_first { &run[..4] } else { &run[4..] };
            digits.parse().ok()
        }
        _ => None,
    })
    .filter(|it| (1000..3000).contains(it))
}

/// The date of ID3v2.3's three frames: the year, day and month as `DDMM`, hour and minute as `HHMM`. The last two count only
/// behind what they refine.
pub(crate) fn composed(year: &str, day_month: Option<&str>, hour_minute: Option<&str>) -> String {
    let mut date = year.to_owned();
    let four = |it: &&str| it.len() == 4 && it.bytes().all(|byte| byte.is_ascii_digit());
    let within = |text: &str, first: &str, last: &str| first <= text && text <= last;
    if !four(&year) {
        return date;
    }
    let Some((day, month)) = day_month.filter(four).map(|it| it.split_at(2)) else { return date };
    if !within(day, "01", "31") || !within(month, "01", "12") {
        return date;
    }
    date = format!("{year}-{month}-{day}");
    if let Some((hour, minute)) = hour_minute.filter(four).map(|it| it.split_at(2))
        && within(hour, "00", "23")
        && within(minute, "00", "59")
    {
        date = format!("{date}T{hour}:{minute}");
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn years_in_all_spellings() {
        for date in [
            "2004",
            "2004-05-12",
            "2004-05-12T10:00:00Z",
            "2004.05.12",
            "12.05.2004",
            "12/05/2004",
            "05/2004",
            "20040512",
            "12052004",
            "circa 2004",
            "(P) 2004 Label",
            "May 12, 2004",
            "2004-00-00",
            "2004–2005",
        ] {
            assert_eq!(year(date), Some(2004), "{date}");
        }
        for date in ["", "97", "0000", "0", "März", "12345", "9999-01-01", "04-05-12"] {
            assert_eq!(year(date), None, "{date}");
        }
    }

    #[test]
    fn frames_are_composed() {
        assert_eq!(composed("2004", Some("1205"), Some("1430")), "2004-05-12T14:30");
        assert_eq!(composed("2004", Some("1205"), None), "2004-05-12");
        assert_eq!(composed("2004", Some("0000"), Some("1430")), "2004");
        assert_eq!(composed("2004", Some("1205"), Some("9999")), "2004-05-12");
        assert_eq!(composed("2004", None, Some("1430")), "2004");
        assert_eq!(composed("2004-05-12", Some("3112"), None), "2004-05-12");
        assert_eq!(composed("2004", Some("äö"), None), "2004");
    }

    proptest! {
        #[test]
        fn any_texts_are_taken(a in ".{0,12}", b in ".{0,6}", c in ".{0,6}") {
            let _ = year(&composed(&a, Some(&b), Some(&c)));
        }
    }
}
