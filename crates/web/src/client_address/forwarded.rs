//! The header `Forwarded` (RFC 7239): the nodes that its elements name by `for`.

use std::net::IpAddr;

use super::hop::parse_hop;

/// The hops of one line, from left to right. A hop is `None` if its element names no address: it has
/// no `for`, or an obfuscated or unknown node. The line is `None` if it does not have the form of RFC
/// 7239 section 4: then no part of it counts.
pub(super) fn hops(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut rest = line;
    let mut hops = Vec::new();
    loop {
        let (hop, after) = element(rest)?;
        hops.push(hop);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(hops),
        }
    }
}

/// One element: pairs of name and value, separated by semicolons. Returns the text after it, which
/// begins with a comma or is empty.
fn element(text: &str) -> Option<(Option<IpAddr>, &str)> {
    let mut rest = text;
    let mut hop = None;
    let mut has_for = false;
    loop {
        let (name, after) = token(rest.trim_start_matches(SPACE))?;
        let (value, after) = value(after.strip_prefix('=')?)?;
        if name.eq_ignore_ascii_case("for") {
            // A parameter may occur once (RFC 7239 section 4).
            if std::mem::replace(&mut has_for, true) {
                return None;
            }
            hop = parse_hop(&value);
        }
        let after = after.trim_start_matches(SPACE);
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None => return Some((hop, after)),
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

    fn read(line: &str) -> Option<Vec<String>> {
        let hops = hops(line)?.into_iter();
        Some(hops.map(|hop| hop.map_or("-".to_owned(), |hop| hop.to_string())).collect())
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let cases: [(&str, &[&str]); 7] = [
            (r#"for="_gazonk""#, &["-"]),
            (r#"For="[2001:db8:cafe::17]:4711""#, &["2001:db8:cafe::17"]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60"]),
            ("for=192.0.2.43, for=198.51.100.17", &["192.0.2.43", "198.51.100.17"]),
            (r#"for=192.0.2.43, for="[2001:db8:cafe::17]""#, &["192.0.2.43", "2001:db8:cafe::17"]),
            (r#"for="192.0.2.43:47011";by=_x,for=unknown"#, &["192.0.2.43", "-"]),
            ("by=203.0.113.43", &["-"]),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn a_line_of_another_form_counts_for_nothing() {
        for line in [
            "",
            ",",
            "for",
            "for=",
            "for =192.0.2.1",
            "for= 192.0.2.1",
            "for=192.0.2.1,",
            "for=192.0.2.1;",
            "for=192.0.2.1 for=192.0.2.2",
            "for=192.0.2.1;for=192.0.2.2",
            "for=[2001:db8::1]",
            r#"for="192.0.2.1"#,
            r#"for="192.0.2.1\"#,
            r#"for="192.0.2.1"x"#,
            r#"for="x, for=192.0.2.1"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
