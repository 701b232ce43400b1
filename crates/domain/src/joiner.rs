//! Joiners and variation selectors: invisible characters that a script or an emoji needs, in their place.
//!
//! Every other invisible character in a name is idle: two names that differ by it look the same. The rules are
//! those of RFC 5892 appendices A.1 and A.2, which the freeform class of PRECIS (RFC 8264 section 4.3) uses,
//! with the letters of a script in place of its joining types. The additions are the emoji sequences of UTS 51
//! and the variation selectors of ideographs, which that class would refuse.

use unicode_normalization::char::canonical_combining_class;
use unicode_script::{Script, UnicodeScript};

use crate::is_invisible;

/// Returns whether the text has an invisible character that is no space and has no effect in its place.
pub(crate) fn has_idle_invisible(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let is_idle = |(place, c): (usize, &char)| {
        is_invisible(*c) && !is_space(*c) && {
            let (before, after) = characters.split_at(place);
            !has_effect(before, *c, after.get(1).copied())
        }
    };
    characters.iter().enumerate().any(is_idle)
}

/// Returns whether the character is seen as a blank: a space separator (category Zs), or the Braille blank.
const fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}'
    )
}

fn has_effect(before: &[char], c: char, after: Option<char>) -> bool {
    let Some(previous) = before.last().copied() else { return false };
    match c {
        ZWNJ | ZWJ => joins(before, previous, c, after),
        '\u{fe0e}' | '\u{fe0f}' => {
            is_pictograph(previous)
                || (matches!(previous, '0'..='9' | '#' | '*') && after == Some(KEYCAP))
        }
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => {
            matches!(previous.script(), Script::Han | Script::Myanmar | Script::Phags_Pa)
        }
        '\u{180b}'..='\u{180f}' => previous.script() == Script::Mongolian,
        _ => false,
    }
}

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';

/// COMBINING ENCLOSING KEYCAP.
const KEYCAP: char = '\u{20e3}';

/// The canonical combining class of a virama.
const VIRAMA: u8 = 9;

fn joins(before: &[char], previous: char, joiner: char, after: Option<char>) -> bool {
    if canonical_combining_class(previous) == VIRAMA {
        return true;
    }
    let ends_emoji =
        is_pictograph(previous) || matches!(previous, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    if joiner == ZWJ && ends_emoji {
        return after.is_some_and(is_pictograph);
    }
    let is_mark = |c: &char| c.script() == Script::Inherited;
    let letter = before.iter().rev().find(|c| !is_mark(c));
    !is_invisible(previous)
        && letter.zip(after).is_some_and(|(letter, after)| {
            let script = letter.script();
            JOINING.contains(&script) && after.script() == script
        })
}

/// The scripts in modern use whose letters change their form beside each other.
const JOINING: [Script; 23] = [
    Script::Adlam,
    Script::Arabic,
    Script::Balinese,
    Script::Bengali,
    Script::Devanagari,
    Script::Gujarati,
    Script::Gurmukhi,
    Script::Hanifi_Rohingya,
    Script::Javanese,
    Script::Kannada,
    Script::Khmer,
    Script::Malayalam,
    Script::Mandaic,
    Script::Mongolian,
    Script::Myanmar,
    Script::Nko,
    Script::Oriya,
    Script::Sinhala,
    Script::Syriac,
    Script::Tai_Tham,
    Script::Tamil,
    Script::Telugu,
    Script::Tibetan,
];

/// Returns whether the character can be drawn as an emoji: the blocks that hold all of them.
const fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{a9}'
            | '\u{ae}'
            | '\u{203c}'
            | '\u{2049}'
            | '\u{2122}'
            | '\u{2139}'
            | '\u{2190}'..='\u{2bff}'
            | '\u{3030}'
            | '\u{303d}'
            | '\u{3297}'
            | '\u{3299}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_or_an_emoji_needs_is_not_idle() {
        for text in [
            "می\u{200c}خواهم",
            "شَ\u{200c}بنم",
            "ක්\u{200d}රි",
            "अवन\u{94d}\u{200d}",
            "क\u{94d}\u{200c}ष",
            "র\u{200d}্যাচেল",
            "👩\u{200d}⚕\u{fe0f}",
            "👩🏽\u{200d}🚀",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "葛\u{e0100}城",
            "ᠠ\u{180b}",
            "山田\u{3000}太郎",
            "Ada\u{a0}King",
            "⠁\u{2800}⠃",
        ] {
            assert!(!has_idle_invisible(text), "{text:?}");
        }
    }

    #[test]
    fn an_invisible_character_without_an_effect_is_idle() {
        for text in [
            "Ada\u{200b}",
            "\u{feff}Ada",
            "A\u{ad}da",
            "A\u{2060}da",
            "A\u{200d}da",
            "A\u{200c}da",
            "Ada\u{200d}",
            "می\u{200c}",
            "می\u{200c}\u{200c}خواهم",
            "می\u{200c}a",
            "a\u{200c}می",
            "Ada\u{fe0f}",
            "👩\u{fe0f}\u{fe0f}",
            "👩\u{200d}",
            "👩\u{200d}a",
            "1\u{fe0f}",
            "a\u{e0100}",
            "葛\u{e0100}\u{e0101}",
            "a\u{180b}",
            "ㄱ\u{3164}",
            "a\u{34f}b",
            "a\u{115f}b",
            "a\u{fff9}b",
            "a\u{2064}b",
            "a\u{1d173}b",
        ] {
            assert!(has_idle_invisible(text), "{text:?}");
        }
    }
}
