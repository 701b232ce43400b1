//! Context words: names and words that an attacker of one account tries first (ASVS 6.2.11).
//!
//! The rule: the user name, and every other context word of four or more characters, is removed from
//! the password, whatever its letter case, accents and width, with digits read as letters too, and
//! also with marks or blanks between its letters. If a word was removed and the rest is
//! [worth](crate::remainder) fewer than eight characters, the password is mainly that word.
//! `lovelace-Summer-2031` and `l o v e l a c e 2031` are refused for Ada Lovelace, `lovelace met
//! babbage` is not.
//!
//! A user name counts from its own minimum of characters on, because `ada-ada-ada-ada` is the first
//! guess for the account `ada`. Parts of names and of addresses count from four on: shorter ones,
//! such as `de` or `van`, are in many passwords by chance.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use crate::remainder;

/// The known data of the person whose password is checked.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The user name.
    pub username: &'a str,
    /// The email address. It is used as a whole, and by its parts before and after the `@`.
    pub email: &'a str,
    /// The display name, if there is one.
    pub display_name: Option<&'a str>,
}

/// The words to remove from a password, in lower case, the longest first.
pub(crate) struct ContextWords(Vec<String>);

const MIN_WORD: usize = 4;

/// The minimum of a user name, in scripts of syllables.
const MIN_USERNAME: usize = 2;

const ENOUGH_BESIDE_WORDS: usize = 8;

impl ContextWords {
    /// Uses each name as a whole, each name without its separators, and each part of it.
    pub(crate) fn new(context: &Context<'_>, context_words: &[String]) -> Self {
        let (mailbox, domain) = context.email.rsplit_once('@').unwrap_or((context.email, ""));
        let email = [context.email, mailbox, domain].map(Some);
        let names = [Some(context.username), context.display_name].into_iter().chain(email);
        let mut words: Vec<String> = names
            .flatten()
            .chain(context_words.iter().map(String::as_str))
            .flat_map(words_of)
            .filter(|word| word.chars().count() >= MIN_WORD)
            .collect();
        let username = folded(&context.username.to_lowercase());
        if username.chars().count() >= MIN_USERNAME {
            words.push(username);
        }
        words.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        words.dedup();
        Self(words)
    }

    /// Returns whether a password, given in lower case, consists mainly of these words.
    pub(crate) fn make_up(&self, password: &str) -> bool {
        let folded = Zeroizing::new(folded(password));
        let letters = folded.chars().filter(|c| c.is_alphanumeric());
        let joined = Zeroizing::new(letters.collect::<String>());
        let marks = remainder::marks(&folded);
        [(&folded, 0), (&joined, marks)].into_iter().any(|(text, marks)| {
            self.make_up_reading(text, marks)
                || remainder::readings(text).any(|reading| self.make_up_reading(&reading, marks))
        })
    }

    /// `marks` is the number of marks that were removed before.
    fn make_up_reading(&self, password: &str, marks: usize) -> bool {
        let mut rest = Zeroizing::new(password.to_owned());
        for word in &self.0 {
            // Repeated, because removing a word may join the halves of another one.
            while rest.contains(word.as_str()) {
                rest = Zeroizing::new(rest.replace(word.as_str(), ""));
            }
        }
        rest.len() < password.len() && remainder::worth(&rest) + marks < ENOUGH_BESIDE_WORDS
    }

    pub(crate) fn as_strs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// Removes accents and differences of width (NFKD, UAX 15).
fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).collect()
}

fn words_of(name: &str) -> Vec<String> {
    let whole = folded(&name.to_lowercase());
    let parts = whole.split(|character: char| !character.is_alphanumeric()).map(str::to_owned);
    let mut words: Vec<String> = parts.collect();
    words.push(words.concat());
    words.push(whole);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::common_passwords;

    const ADA: Context<'_> = Context {
        username: "ada.lovelace",
        email: "countess@example.org",
        display_name: Some("Augusta Ada King"),
    };

    fn is_a_word(text: &&str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_lowercase())
    }

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
            "PortcullisSummer2026",
            "Portcullis-Summer-2026!",
            "2026_Dragon.Portcullis",
            "welcome2portcullis",
            "P0rtcu11is-Winter-2027",
            "lovelace12345678",
            "portcullis!!!!!!!!!!",
            "p o r t c u l l i s 2026",
            "port-cullis-summer-2026",
            "Portcullis Football 12/2026",
            "\u{ff50}ortcullis summer 2026",
            "portc\u{fc}llis summer 2026",
        ] {
            assert!(is_mainly_context(password), "{password}");
        }
    }

    #[test]
    fn a_name_with_enough_beside_it_passes() {
        for password in [
            "lovelace met babbage",
            "violet otter",
            "example of a rule",
            "ada-ada-ada",
            "portcullis violet otter plays cellos",
            "the countess rides a yellow bicycle",
            "correct horse battery portcullis",
            "portcullis-xQ7vR2mK",
        ] {
            assert!(!is_mainly_context(password), "{password}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_name_with_a_common_word_and_a_year_is_refused_however_they_are_put_together(
            word in select(common_passwords::all().filter(is_a_word).collect::<Vec<_>>()),
            year in 1900_u32..2100,
            order in Just(vec![0, 1, 2]).prop_shuffle(),
            marks in "[-_.!? ]{0,3}",
            is_upper in any::<bool>(),
        ) {
            let parts = ["portcullis".to_owned(), word.to_owned(), year.to_string()];
            let mut password: String =
                order.iter().map(|part: &usize| parts[*part].as_str()).collect();
            password.push_str(&marks);
            if is_upper {
                password = password.to_uppercase();
            }
            prop_assert!(is_mainly_context(&password), "{}", password);
        }

        #[test]
        fn a_name_among_four_words_passes(
            words in proptest::collection::vec(
                select(vec![
                    "violet", "otter", "cello", "walrus", "fence", "dinghy", "heron", "lantern",
                    "marble", "thistle", "anchor", "biscuit", "cobalt", "meadow", "pepper", "willow",
                ]),
                4..7,
            ),
            separator in "[ .-]?",
        ) {
            let mut different = words.clone();
            different.sort_unstable();
            different.dedup();
            prop_assume!(different.len() >= 3);
            let password = format!("{}{separator}portcullis", words.join(&separator));
            prop_assert!(!is_mainly_context(&password), "{}", password);
        }
    }

    #[test]
    fn a_short_user_name_counts_and_short_parts_of_names_do_not() {
        let is_refused = |username: &str, password: &str| {
            let email = format!("{username}@example.org");
            let display_name = Some("Ada de la Cruz");
            let person = Context { username, email: &email, display_name };
            ContextWords::new(&person, &[]).make_up(&password.to_lowercase())
        };
        for (username, password) in [
            ("ada", "ada-ada-ada-ada"),
            ("ada", "ADA.ada.Ada.2031"),
            ("ada", "4d4adaAd4ada"),
            ("eve", "eveeveeve2026!"),
            ("kim", "kim kim kim kim"),
            ("ada", "ada-Summer-2026!"),
            ("李娜", "李娜李娜李娜李娜李娜李娜"),
        ] {
            assert!(is_refused(username, password), "{password} of {username}");
        }
        for (username, password) in [
            ("ada", "xK7adaR2mQ9v"),
            ("ada", "canadian violet otter"),
            ("ten", "flattened kettle"),
            ("cat", "concatenate four"),
            ("joan", "de-la-de-la-violet"),
        ] {
            assert!(!is_refused(username, password), "{password} of {username}");
        }
    }

    #[test]
    fn a_name_in_decomposed_form_is_recognised() {
        let zoe = Context { username: "zoee\u{308}", email: "", display_name: None };
        assert!(ContextWords::new(&zoe, &[]).make_up("zoe\u{eb}zoe\u{eb}12"));
    }
}
