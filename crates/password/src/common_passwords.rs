//! The most common passwords: the first 10,000, and the first 5,000 of eight or more characters,
//! because ASVS 6.2.4 wants 3,000 that the shortest sensible policy would let through.

const MOST_COMMON_FIRST: [&str; 2] = [
    include_str!("../data/common-passwords-top10k.txt"),
    include_str!("../data/common-passwords-min8-top5000.txt"),
];

/// Whether the whole password is in a list; to be given in lower case.
///
/// Reads the lists through. That takes a tenth of a millisecond, beside a hash of over ten, and
/// keeps no table of words in memory for something that happens when a password is set.
pub(crate) fn contains(password: &str) -> bool {
    all().any(|common| common == password)
}

/// Every one of them, some twice.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    MOST_COMMON_FIRST.iter().flat_map(|list| list.lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_lists_are_found_and_parts_of_them_are_not() {
        let last = MOST_COMMON_FIRST.map(|list| list.lines().last().unwrap());
        for word in ["123456", "password", "qwertyuiop", last[0], last[1]] {
            assert!(contains(word), "{word}");
        }
        for word in ["", "password ", "password\n12345678", "violet otter"] {
            assert!(!contains(word), "{word}");
        }
    }

    #[test]
    fn the_lists_are_whole_and_in_lower_case() {
        assert_eq!(MOST_COMMON_FIRST.map(|list| list.lines().count()), [10_000, 5_000]);
        for word in MOST_COMMON_FIRST.iter().flat_map(|list| list.lines()) {
            assert!(!word.is_empty() && word == word.to_lowercase(), "{word:?}");
        }
    }
}
