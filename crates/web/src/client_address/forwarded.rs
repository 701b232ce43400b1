//! An element of the header `Forwarded` (RFC 7239): the node that it names by `for`.

use std::net::IpAddr;

use super::hop::parse_hop;

/// The address that the element names by `for`. `None` if it names none, such as an obfuscated or
/// unknown node, and if it does not have the form of RFC 7239 section 4.
pub(super) fn hop(element: &str) -> Option<IpAddr> {
    let mut rest = element;
    let mut hop = None;
    loop {
        let (name, after) = token(rest.trim_start_matches(SPACE))?;
        let (value, after) = value(after.strip_prefix('=')?)?;
        // A parameter may occur once (RFC 7239 section 4).
        if name.eq_ignore_ascii_case("for") && hop.replace(parse_hop(&value)).is_some() {
            return None;
        }
        let after = after.trim_start_matches(SPACE);
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None => return hop.flatten().filter(|_| after.is_empty()),
        }
    }
}

const SPACE: [char; 2] = [' ', '\t'];

/// A token of RFC 9110 section 5.6.2, and the text after it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    let end = text.find(is_other).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    (!token.is_empty()).then_some((token, rest))
}

/// A token or a quoted string (RFC 9110 section 5.6.4), and the text after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(token, rest)| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_the_standard_are_read() {
        for (element, expected) in [
            (r#"for="_gazonk""#, None),
            (r#"For="[2001:db8:cafe::17]:4711""#, Some("2001:db8:cafe::17")),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
            ("for=198.51.100.17", Some("198.51.100.17")),
            (r#"for="[2001:db8:cafe::17]""#, Some("2001:db8:cafe::17")),
            (r#"for="192.0.2.43:47011";by=_x"#, Some("192.0.2.43")),
            ("for=unknown", None),
            ("by=203.0.113.43", None),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(hop(element), expected, "{element}");
        }
    }

    #[test]
    fn an_element_of_another_form_names_no_address() {
        for element in [
            "",
            "for",
            "for=",
            "for =192.0.2.1",
            "for= 192.0.2.1",
            "for=192.0.2.1,",
            "for=192.0.2.1;",
            "for=192.0.2.1 for=192.0.2.2",
            "for=192.0.2.1;for=192.0.2.2",
            "for=unknown;for=192.0.2.2",
            "for=[2001:db8::1]",
            r#"for="192.0.2.1"#,
            r#"for="192.0.2.1\"#,
            r#"for="192.0.2.1"x"#,
        ] {
            assert_eq!(hop(element), None, "{element}");
        }
    }
}
