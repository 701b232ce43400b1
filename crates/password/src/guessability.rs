//! Guessability by known patterns (zxcvbn), with bounded running time.
//!
//! zxcvbn tries every reading of digits and symbols as letters (`1` as i or l, `@` as a) on every
//! part of its first 100 characters. A hundred well-chosen symbols have hundreds of readings and
//! take half a second, forty times as long as hashing them. So zxcvbn gets only the beginning of
//! the password with at most 16 readings, but never less than 16 characters. A longer password
//! seldom exceeds this. A password that does exceed it begins with so many unrelated symbols that
//! they alone make it hard to guess.

use zxcvbn::zxcvbn;

/// Returns the zxcvbn score from 0 (too guessable) to 4 (very unguessable), given names that an
/// attacker would know.
pub(crate) fn score(password: &str, known_words: &[&str]) -> u8 {
    zxcvbn(judged(password), known_words).score().into()
}

/// The letters for which zxcvbn accepts several characters, with those characters.
const READINGS: [&str; 7] = ["4@", "({[<", "69", "1!|", "1|7", "$5", "+7"];
const MAX_READINGS: usize = 16;
const ALWAYS_JUDGED: usize = 16;

/// Returns the longest beginning that has few enough readings or is short.
fn judged(password: &str) -> &str {
    let mut seen = [0_usize; READINGS.len()];
    for (index, (place, character)) in password.char_indices().enumerate() {
        let (before, _) = password.split_at(place);
        if !before.contains(character) {
            for (count, characters) in seen.iter_mut().zip(READINGS) {
                *count += usize::from(characters.contains(character));
            }
        }
        let readings: usize = seen.iter().map(|count| (*count).max(1)).product();
        if index >= ALWAYS_JUDGED && readings > MAX_READINGS {
            return before;
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_passwords_are_judged_whole() {
        for password in [
            "",
            "p@$$w0rd!1",
            "violet-otter-plays-7-cellos",
            "48291736450918273645",
            "Tr0ub4dor&3 (and a Horse!)",
            "パスワードはとても長い",
        ] {
            assert_eq!(judged(password), password);
        }
    }

    #[test]
    fn a_thicket_of_symbols_is_judged_by_its_beginning_and_still_strong() {
        let thicket = "4@8({[<6|3!1/|0$5+7%29".repeat(4);
        assert_eq!(judged(&thicket), "4@8({[<6|3!1/|0$");
        assert_eq!(score(&thicket, &[]), 4);
        assert_eq!(judged("7+|1[(<a<4<$"), "7+|1[(<a<4<$");
    }

    #[test]
    fn words_a_guesser_knows_lower_the_score() {
        assert_eq!(score("zirkelwerkstatt", &[]), 4);
        assert!(score("zirkelwerkstatt", &["zirkelwerkstatt"]) < 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_cut_off_did_not_make_the_password_strong(
            password in "[4@({\\[<691!|7$5+a-z ]{12,60}",
        ) {
            let beginning = judged(&password);
            prop_assert!(password.starts_with(beginning));
            prop_assert!(beginning == password || score(&password, &[]) >= 2, "{beginning}");
        }
    }
}
