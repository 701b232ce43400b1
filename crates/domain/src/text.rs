//! Deceptive and invisible characters in texts for people.
//!
//! Names, addresses, values of requests and the client names in the audit log use this one list.
//! Joiners and variation selectors are not deceptive: Persian and emoji need them.

/// Returns whether a character is forbidden in a text for people: control characters, line and
/// paragraph separators, bidirectional controls (UAX 9), and the tags U+E0000 to U+E007F, which
/// hide one text inside another.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Returns whether a character is invisible: white space, `Default_Ignorable_Code_Point` (Unicode
/// 17, section 4 of UAX 44, reserved ranges included), the Braille blank, hieroglyph format
/// controls, the Khitan filler and the null notehead.
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}')
        || matches!(c, '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{1d159}')
        || matches!(c, '\u{13430}'..='\u{1343f}' | '\u{16fe4}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_a_line_around_or_hides_in_it_is_deceptive_and_what_a_script_needs_is_not() {
        for c in
            ['\n', '\u{7f}', '\u{85}', '\u{2028}', '\u{200f}', '\u{202e}', '\u{2067}', '\u{e0041}']
        {
            assert!(is_deceptive(c), "{c:?}");
        }
        for c in ['a', ' ', 'א', '\u{200c}', '\u{200d}', '\u{fe0f}', '\u{fffd}'] {
            assert!(!is_deceptive(c), "{c:?}");
        }
    }

    #[test]
    fn blanks_fillers_and_ignorable_characters_are_invisible_and_letters_and_marks_are_not() {
        for c in [
            ' ',
            '\u{a0}',
            '\u{ad}',
            '\u{115f}',
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{13430}',
            '\u{16fe4}',
            '\u{1d159}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', '-', 'ㄱ', '⠁', '🔑', '\u{301}', '\u{fffd}'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
