//! Lengths of time as people type them: `30s`, `10m`, `2h`, `7d`.

use std::time::Duration;

use super::limits::MAX_DAYS;

/// The letters behind a number, and how many seconds each stands for.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// The length of time in what a user typed: a number above 0 and one letter, up to [`MAX_DAYS`].
pub fn parse(typed: &str) -> Option<Duration> {
    let unit = typed.chars().last()?.to_ascii_lowercase();
    let (_, seconds) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let number = typed.get(..typed.len() - 1).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let whole = number.parse::<u64>().ok()?.checked_mul(*seconds)?;
    (1..=u64::from(MAX_DAYS) * 86_400).contains(&whole).then(|| Duration::from_secs(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_of_time_have_a_number_and_one_letter() {
        for (typed, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("7d", 604_800), ("1D", 86_400)] {
            assert_eq!(parse(typed), Some(Duration::from_secs(seconds)), "{typed}");
        }
        for typed in
            ["", "s", "10", "0m", "-1m", "+1m", "1.5h", "1 h", "1w", "3651d", "99999999999999999999d", "1é", "é"]
        {
            assert_eq!(parse(typed), None, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn every_length_that_is_written_down_is_read_again(number in 1..400_000_000_u64, unit in 0..4_usize) {
            let (letter, seconds) = UNITS[unit];
            let expected = number * seconds;
            let fits = expected <= u64::from(MAX_DAYS) * 86_400;
            prop_assert_eq!(parse(&format!("{number}{letter}")), fits.then(|| Duration::from_secs(expected)));
        }

        #[test]
        fn no_text_is_too_strange(typed in "\\PC{0,12}|[0-9]{0,25}[smhd]?") {
            if let Some(span) = parse(&typed) {
                prop_assert!(span.as_secs() > 0 && span.as_secs() <= u64::from(MAX_DAYS) * 86_400);
            }
        }
    }
}
