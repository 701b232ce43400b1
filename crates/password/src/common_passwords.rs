//! Lists of the most common passwords: the first 10,000, and the first 5,000 of eight or more
//! characters, because ASVS 6.2.4 requires 3,000 that satisfy the length rule.

const MOST_COMMON_FIRST: [&str; 2] = [
    include_str!("../data/common-passwords-top10k.txt"),
    include_str!("../data/common-passwords-min8-top5000.txt"),
];

/// Returns whether the whole password, given in lower case, is in a list.
///
/// It reads the lists sequentially. That takes a tenth of a millisecond, compared with over ten for
/// a hash, and needs no table in memory for an operation that only happens when a password is set.
pub(crate) fn contains(password: &str) -> bool {
    all().any(|common| common == password)
}

/// Returns all common passwords, some twice.
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
