//! Counts the characters of a password beside names, years and common words.
//!
//! An attacker of one account combines its name with a common word, a year, a punctuation mark, and
//! letters as digits. So the remainder beside the names is counted like this: a year counts
//! nothing, a common word at most four characters whatever its length, each mark once, and
//! everything else character by character.

use zeroize::Zeroizing;

use crate::common_passwords;

/// Returns the worth of a text, given in lower case, in characters.
pub(crate) fn worth(text: &str) -> usize {
    let mut rest = without_years(text);
    let mut words: Vec<_> = common_passwords::all()
        .filter(|word| word.len() >= WORTH_OF_A_WORD && rest.contains(word))
        .collect();
    words.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
    let mut worth = 0;
    for word in words {
        if rest.contains(word) {
            rest = Zeroizing::new(rest.replace(word, " "));
            worth += WORTH_OF_A_WORD;
        }
    }
    let alphanumeric = rest.chars().filter(|c| c.is_alphanumeric()).count();
    worth + alphanumeric + marks(text)
}

/// Iterates over the readings of the password with digits and marks as letters, as far as they
/// differ.
pub(crate) fn readings(text: &str) -> impl Iterator<Item = Zeroizing<String>> {
    let plain = without_years(text);
    ['i', 'l'].into_iter().map(move |one| {
        let letter = |c| match c {
            '0' => 'o',
            '1' | '!' | '|' => one,
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        };
        Zeroizing::new(plain.chars().map(letter).collect())
    })
}

const WORTH_OF_A_WORD: usize = 4;

/// Counts the different characters that are neither letters nor digits.
pub(crate) fn marks(text: &str) -> usize {
    let is_new = |(place, c): &(usize, char)| {
        let (before, _) = text.split_at(*place);
        !c.is_alphanumeric() && !before.contains(*c)
    };
    text.char_indices().filter(is_new).count()
}

/// Removes the numbers from 1900 to 2099, whatever digits are beside them, and removes dates: up to
/// eight digits that contain such a number.
fn without_years(text: &str) -> Zeroizing<String> {
    let mut rest = text;
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    while let Some(next) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (taken, after) = rest.split_at(digits.max(next.len_utf8()));
        keep_without_years(taken, &mut kept);
        rest = after;
    }
    kept
}

/// Appends a run of digits without its years, or one other character.
fn keep_without_years(run: &str, kept: &mut String) {
    let mut rest = run;
    while let Some(place) = (0..rest.len()).find(|place| is_year(rest, *place)) {
        if run.len() <= MAX_DATE {
            return;
        }
        let (before, after) = rest.split_at(place);
        kept.push_str(before);
        rest = after.get(4..).unwrap_or_default();
    }
    kept.push_str(rest);
}

/// The maximum number of digits in a date of day, month and year.
const MAX_DATE: usize = 8;

fn is_year(digits: &str, place: usize) -> bool {
    let year = digits.get(place..place + 4);
    year.is_some_and(|year| year.starts_with("19") || year.starts_with("20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_worth_nothing_a_common_word_four_and_marks_one_each() {
        for (text, expected) in [
            ("", 0),
            ("2026", 0),
            ("summer2026", 4),
            ("summer-2026-!", 6),
            ("summer summer", 5),
            ("summer dragon", 9),
            ("20261225", 0),
            ("summer122026", 4),
            ("834720268347", 8),
            ("zqjxkvwy", 8),
            ("!!!!!!!!", 1),
        ] {
            assert_eq!(worth(text), expected, "{text}");
        }
    }

    #[test]
    fn digits_and_marks_are_read_as_letters() {
        let read: Vec<_> = readings("p0rtcu11!$2026").map(|text| text.to_string()).collect();
        assert_eq!(read, ["portcuiiis", "portcullls"]);
    }
}
