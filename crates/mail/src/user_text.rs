//! Text of users and clients in the body of a mail, written so that no mail program makes a link of it.

/// Puts a word joiner (U+2060), which is invisible, around each character that a mail program could take for
/// a part of an address: without it, a person could choose the name `evil.example` and send a link to
/// anybody, under the name of the service.
pub(crate) fn without_links(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '.' | ':' | '/' | '@') {
            safe.extend(['\u{2060}', c, '\u{2060}']);
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_name_is_no_link() {
        let text = without_links("see https://evil.example/x or mail eve@evil.example");
        assert!(!["://", "https:", ".example", "eve@"].iter().any(|part| text.contains(part)));
        assert_eq!(
            text.replace('\u{2060}', ""),
            "see https://evil.example/x or mail eve@evil.example"
        );
        assert_eq!(without_links("Firefox on Linux"), "Firefox on Linux");
    }
}
