//! Words that everybody who attacks one account tries first (ASVS 6.2.11).
//!
//! The rule: take every such word of four or more characters out of the password, whatever its
//! letter case. If there was one and fewer than eight characters are left, the password is mainly
//! that word. `ada.lovelace-2031` is refused for Ada Lovelace, `lovelace met babbage` is not.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// What is known about the person whose password is checked.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The user name.
    pub username: &'a str,
    /// The email address: as a whole, before and after the `@`.
    pub email: &'a str,
    /// The display name, if there is one.
    pub display_name: Option<&'a str>,
}

/// Words worth taking out of a password, in lower case, the longest first.
pub(crate) struct ContextWords(Vec<String>);

const SHORTEST_WORD: usize = 4;
const ENOUGH_BESIDE_WORDS: usize = 8;

impl ContextWords {
    /// Each name as a whole, without its separators, and each of its parts.
    pub(crate) fn new(context: &Context<'_>, product_names: &[String]) -> Self {
        let (mailbox, domain) = context.email.rsplit_once('@').unwrap_or((context.email, ""));
        let email = [context.email, mailbox, domain].map(Some);
        let names = [Some(context.username), context.display_name].into_iter().chain(email);
        let mut words: Vec<String> = names
            .flatten()
            .chain(product_names.iter().map(String::as_str))
            .flat_map(words_of)
            .filter(|word| word.chars().count() >= SHORTEST_WORD)
            .collect();
        words.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        words.dedup();
        Self(words)
    }

    /// Whether a password, given in lower case, is mainly made of these words.
    pub(crate) fn make_up(&self, password: &str) -> bool {
        let mut rest = Zeroizing::new(password.to_owned());
        for word in &self.0 {
            // Again and again, because taking a word out may join the halves of another.
            while rest.contains(word.as_str()) {
                rest = Zeroizing::new(rest.replace(word.as_str(), ""));
            }
        }
        rest.len() < password.len() && rest.chars().count() < ENOUGH_BESIDE_WORDS
    }

    pub(crate) fn as_strs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

fn words_of(name: &str) -> Vec<String> {
    let whole = name.nfc().collect::<String>().to_lowercase();
    let parts = whole.split(|character: char| !character.is_alphanumeric()).map(str::to_owned);
    let mut words: Vec<String> = parts.collect();
    words.push(words.concat());
    words.push(whole);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Context<'_> = Context {
        username: "ada.lovelace",
        email: "countess@example.org",
        display_name: Some("Augusta Ada King"),
    };

    fn is_mainly_context(password: &str) -> bool {
        ContextWords::new(&ADA, &["Portcullis".to_owned()]).make_up(&password.to_lowercase())
    }

    #[test]
    fn a_name_with_a_few_characters_around_it_is_refused() {
        for password in [
            "ada.lovelace",
            "ada.lovelace-2031",
            "AdaLovelace!!",
            "lovelacelovelace12",
            "Countess-1234",
            "countess@example.org",
            "COUNTESS@example.org1815",
            "www.example.org",
            "augustaking99",
            "portcullis2031!",
            "lovelovelacelace",
        ] {
            assert!(is_mainly_context(password), "{password}");
        }
    }

    #[test]
    fn a_name_with_enough_beside_it_passes() {
        for password in ["lovelace met babbage", "violet otter", "example of a rule", "ada-ada-ada"]
        {
            assert!(!is_mainly_context(password), "{password}");
        }
    }

    #[test]
    fn a_name_in_decomposed_form_is_recognised() {
        let zoe = Context { username: "zoee\u{308}", email: "", display_name: None };
        assert!(ContextWords::new(&zoe, &[]).make_up("zoe\u{eb}zoe\u{eb}12"));
    }
}
