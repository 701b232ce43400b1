//! The conditions of a figure: machine, commit and command.

use std::process::Command;

use crate::quantity::size;

/// The machine, in one line. Unknown properties are omitted.
pub(crate) fn hardware() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = named("/proc/cpuinfo", "model name");
    let memory = named("/proc/meminfo", "MemTotal")
        .and_then(|total| total.strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kib| format!("{} of memory", size(kib * 1024)));
    let kernel = line("/proc/sys/kernel/osrelease").map(|release| format!("Linux {release}"));
    let known = [Some(format!("{cores} cores")), processor, memory, kernel];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The commit of the working directory, with a note if files differ from it.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let told = output.status.success().then_some(output.stdout)?;
        Some(String::from_utf8_lossy(&told).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "commit unknown".to_owned();
    };
    let changes = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    format!("commit {commit}{}", if changes { " with changes" } else { "" })
}

/// The command to repeat this run, without the password of the database.
pub(crate) fn command(arguments: impl Iterator<Item = String>) -> String {
    let arguments: Vec<String> =
        arguments.map(|argument| quoted(&without_password(&argument))).collect();
    let given = if arguments.is_empty() { "" } else { " -- " };
    format!("cargo run --release -p portcullis-bench{given}{}", arguments.join(" "))
}

fn without_password(argument: &str) -> String {
    let hidden = || {
        let (before, after) = argument.split_once("://")?;
        let (user, host) = after.rsplit_once('@')?;
        let (name, _password) = user.split_once(':')?;
        Some(format!("{before}://{name}@{host}"))
    };
    hidden().unwrap_or_else(|| argument.to_owned())
}

fn quoted(argument: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_=+,./:@%".contains(character);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

fn named(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, value) = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim_end() == name)?;
    Some(value.trim().to_owned())
}

fn line(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command_of(arguments: &[&str]) -> String {
        command(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(command_of(&[]), "cargo run --release -p portcullis-bench");
        assert_eq!(
            command_of(&["--only", "me,refresh", "--env", "NAME=it's odd"]),
            r"cargo run --release -p portcullis-bench -- --only me,refresh --env 'NAME=it'\''s odd'"
        );
    }

    #[test]
    fn the_command_does_not_tell_the_password_of_the_database() {
        for argument in [
            "postgres://bench:pa@ss@127.0.0.1/bench",
            "--database-url=postgres://bench:secret@127.0.0.1/bench",
        ] {
            let command = command_of(&[argument]);
            assert!(command.contains("postgres://bench@127.0.0.1/bench"), "{command}");
        }
    }
}
