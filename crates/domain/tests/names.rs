//! Names of people in many scripts, which are accepted, and imitations of names, which are refused beside them.
//! The tables of `docs/names.md` are made from the same files.
#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

use std::fmt::Write;

use portcullis_domain::{
    DisplayName, Moderation, ReservedNames, Severity, Username, UsernameError,
};

const INNOCENT: &str = include_str!("names/innocent.txt");
const LOOK_ALIKE: &str = include_str!("names/look_alike.txt");
const RESERVED: &str = include_str!("../../../config/reserved-usernames.txt");
const PAGE: &str = include_str!("../../../docs/names.md");

#[test]
fn innocent_names_of_every_script_are_accepted() {
    let reserved = ReservedNames::parse(RESERVED);
    let moderation = Moderation::new(Severity::Severe);
    let mut refused = Vec::new();
    let mut count = 0;
    for (group, line) in lines(INNOCENT) {
        let name = unescaped(line);
        count += 1;
        match Username::parse(&name) {
            Err(error) => refused.push(format!("{group}: {name}: {error}")),
            Ok(username) if reserved.contains(&username) => {
                refused.push(format!("{group}: {name} is reserved"));
            }
            Ok(_) if !moderation.accepts(&name) => {
                refused.push(format!("{group}: {name} is offensive"));
            }
            Ok(_) if DisplayName::parse(&name).is_err() => {
                refused.push(format!("{group}: {name} cannot be displayed"));
            }
            Ok(_) => {}
        }
    }
    assert!(count >= 200, "{count} names");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn no_imitation_is_accepted_beside_its_name() {
    let mut accepted = Vec::new();
    let mut count = 0;
    for (group, line) in lines(LOOK_ALIKE) {
        let (name, imitation) = pair(line);
        count += 1;
        let username = Username::parse(&name).expect("the imitated name is accepted");
        if Username::parse(&imitation).is_ok_and(|other| other.skeleton() != username.skeleton()) {
            accepted.push(format!("{group}: {line}"));
        }
    }
    assert!(count >= 200, "{count} imitations");
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}

#[test]
fn the_page_of_names_has_these_tables() {
    let tables = format!("{}\n{}", table_of_innocent_names(), table_of_imitations());
    let (_, found) = PAGE.split_once("<!-- tables -->\n").expect("the page has tables");
    assert!(found == tables, "write this into docs/names.md:\n{tables}");
}

fn table_of_innocent_names() -> String {
    let mut table = "| Group | Accepted |\n|---|---|\n".to_owned();
    for (group, names) in groups(INNOCENT) {
        let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
        writeln!(table, "| {group} | {} |", names.join(" ")).expect("writing to a text succeeds");
    }
    table
}

fn table_of_imitations() -> String {
    let title =
        "| Group | Name | Refused as the same name or a look-alike | Refused as malformed |\n";
    let mut table = format!("{title}|---|---|---|---|\n");
    for (group, lines) in groups(LOOK_ALIKE) {
        let mut rows: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
        for line in lines {
            let (name, imitation) = line.split_once(' ').expect("a line has two names");
            if rows.last().is_none_or(|row| row.0 != name) {
                rows.push((name.to_owned(), Vec::new(), Vec::new()));
            }
            let row = rows.last_mut().expect("a row was added");
            let is_malformed = Username::parse(&unescaped(imitation))
                .is_err_and(|error| error == UsernameError::Forbidden);
            let cell = if is_malformed { &mut row.2 } else { &mut row.1 };
            cell.push(code(imitation));
        }
        for (name, look_alikes, malformed) in rows {
            let (look_alikes, malformed) = (look_alikes.join(" "), malformed.join(" "));
            writeln!(table, "| {group} | {} | {look_alikes} | {malformed} |", code(&name))
                .expect("writing to a text succeeds");
        }
    }
    table
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// The lines of each group, in order.
fn groups(file: &str) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (group, line) in lines(file) {
        if groups.last().is_none_or(|(last, _)| *last != group) {
            groups.push((group, Vec::new()));
        }
        groups.last_mut().expect("a group was added").1.push(line);
    }
    groups
}

/// Every line with its group.
fn lines(file: &str) -> Vec<(&str, &str)> {
    let mut group = "";
    let mut lines = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(next) => group = next,
            None => lines.push((group, line)),
        }
    }
    lines
}

fn pair(line: &str) -> (String, String) {
    let (name, imitation) = line.split_once(' ').expect("a line has two names");
    (unescaped(name), unescaped(imitation))
}

/// The text with the characters of its escapes, such as `\u{200b}`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').expect("an escape ends");
        let number = u32::from_str_radix(number, 16).expect("an escape is a number");
        whole.push(char::from_u32(number).expect("an escape is a character"));
        whole.push_str(rest);
    }
    whole
}
