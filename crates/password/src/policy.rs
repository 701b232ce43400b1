//! Policy for new passwords (NIST SP 800-63B-4 section 3.1.1.2, ASVS 5.0 section 6.2).
//!
//! It requires length and low guessability instead of composition, and reports all violated rules
//! together. It applies only when a password is set: a sign-in accepts every password that was set
//! before.

use zeroize::Zeroizing;

use crate::context::ContextWords;
use crate::{Context, Password, Violation, common_passwords, guessability};

/// The rules for new passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The minimum number of characters (Unicode code points of the NFC form).
    pub min_length: usize,
    /// The maximum number of characters. [`Password::MAX_BYTES`] limits the bytes independently.
    pub max_length: usize,
    /// The required number of the four character classes: lower case, upper case, digits, others.
    /// Zero requires none, as NIST recommends; a value over four can never be met.
    pub require_classes: u8,
    /// The minimum zxcvbn score, 0 (too guessable) to 4 (very unguessable).
    pub min_zxcvbn_score: u8,
    /// Further context words beside those of the person, such as the names of the service and of
    /// the organisation: none of them may be the main part of a password.
    pub context_words: Vec<String>,
}

impl Default for Policy {
    /// 12 to 256 characters, score 2, no composition rule, no context words.
    fn default() -> Self {
        Self {
            min_length: 12,
            max_length: 256,
            require_classes: 0,
            min_zxcvbn_score: 2,
            context_words: Vec::new(),
        }
    }
}

impl Policy {
    /// Checks a password before it is set.
    ///
    /// It computes for up to some tens of milliseconds, mostly in zxcvbn, and usually about one
    /// millisecond. zxcvbn reads the first 100 characters, and fewer if most of them are unlike
    /// symbols: a password that is weak in this part and strong only after it is refused.
    ///
    /// # Errors
    ///
    /// All violated rules, in the order of [`Violation`]; never an empty list.
    pub fn check(&self, password: &Password, context: &Context<'_>) -> Result<(), Vec<Violation>> {
        let typed = password.expose();
        let length = typed.chars().count();
        let folded = Zeroizing::new(typed.to_lowercase());
        let words = ContextWords::new(context, &self.context_words);

        let failed = [
            (length < self.min_length, Violation::TooShort { minimum: self.min_length }),
            (length > self.max_length, Violation::TooLong { maximum: self.max_length }),
            (common_passwords::contains(&folded), Violation::TooCommon),
            (
                guessability::score(typed, &words.as_strs()) < self.min_zxcvbn_score,
                Violation::TooGuessable,
            ),
            (words.make_up(&folded), Violation::ContainsContext),
            (
                classes(typed) < self.require_classes,
                Violation::MissingClasses { required: self.require_classes },
            ),
        ];
        let violations: Vec<_> = failed
            .into_iter()
            .filter_map(|(fails, violation)| fails.then_some(violation))
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

fn classes(typed: &str) -> u8 {
    let kinds: [fn(char) -> bool; 4] =
        [char::is_lowercase, char::is_uppercase, char::is_numeric, |character| {
            !character.is_lowercase() && !character.is_uppercase() && !character.is_numeric()
        }];
    kinds.into_iter().map(|kind| u8::from(typed.chars().any(kind))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADA: Context<'_> =
        Context { username: "ada.lovelace", email: "ada@example.org", display_name: None };

    fn codes(policy: &Policy, typed: &str) -> Vec<&'static str> {
        let checked = policy.check(&Password::parse(typed).unwrap(), &ADA);
        checked.err().unwrap_or_default().into_iter().map(Violation::code).collect()
    }

    #[test]
    fn a_good_password_passes_in_any_script() {
        for typed in ["violet otter plays 7 cellos", "パスワードはとても長いですよね本当に"]
        {
            assert!(codes(&Policy::default(), typed).is_empty(), "{typed}");
        }
    }

    #[test]
    fn every_failed_rule_is_told() {
        let policy = Policy { require_classes: 3, ..Policy::default() };
        assert_eq!(
            codes(&policy, "Password"),
            ["too_short", "too_common", "too_guessable", "missing_classes"]
        );
        assert_eq!(
            codes(&policy, "lovelacelovelace"),
            ["too_guessable", "contains_context", "missing_classes"]
        );
        let long = "violet otter, 7 Cellos; ".repeat(11);
        assert_eq!(codes(&policy, &long), ["too_long"]);
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        let policy = Policy { min_zxcvbn_score: 0, ..Policy::default() };
        assert_eq!(codes(&policy, "🔑🌿🧊🛰🧭🎻🦕🧵🧊🔑🌿"), ["too_short"]);
        assert!(codes(&policy, "🔑🌿🧊🛰🧭🎻🦕🧵🧊🔑🌿🛰").is_empty());
        assert!(codes(&policy, &"é".repeat(256)).is_empty());
        assert_eq!(codes(&policy, &"é".repeat(257)), ["too_long"]);
    }

    #[test]
    fn what_patterns_guess_is_refused_though_it_is_long() {
        for typed in
            ["aaaaaaaaaaaaaaaaaaaa", "qwertyuiopasdfgh", "123456789012345", "abcabcabcabcabc"]
        {
            assert_eq!(codes(&Policy::default(), typed), ["too_guessable"], "{typed}");
        }
    }

    #[test]
    fn composition_is_asked_for_only_when_configured() {
        let typed = "all lower case words only here";
        assert!(codes(&Policy::default(), typed).is_empty());
        let two = Policy { require_classes: 2, ..Policy::default() };
        assert!(codes(&two, typed).is_empty());
        let four = Policy { require_classes: 4, ..Policy::default() };
        assert_eq!(codes(&four, typed), ["missing_classes"]);
        assert!(codes(&four, "All 4 kinds of words only here").is_empty());
    }

    #[test]
    fn words_of_the_context_come_from_the_configuration() {
        let policy =
            Policy { context_words: vec!["Zirkelwerk AG".to_owned()], ..Policy::default() };
        assert!(codes(&policy, "zirkelwerk-9Q!x").contains(&"contains_context"));
        assert!(!codes(&Policy::default(), "zirkelwerk-9Q!x").contains(&"contains_context"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_refusal_names_at_least_one_rule(typed in "\\PC{0,40}") {
            let password = Password::parse(&typed).unwrap();
            if let Err(violations) = Policy::default().check(&password, &ADA) {
                prop_assert!(!violations.is_empty());
            }
        }
    }
}
