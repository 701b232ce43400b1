//! The examples in the help of each verb. A test parses every one.

use clap::Command;

/// The examples of each verb that has none in its own help.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("serve", &["portcullis", "portcullis --config /etc/portcullis/portcullis.toml serve"]),
    ("worker", &["portcullis worker", "portcullis worker --once"]),
    ("migrate", &["portcullis migrate"]),
    (
        "config check",
        &["portcullis config check", "portcullis --config new.toml config check --json"],
    ),
    ("doctor", &["portcullis doctor", "portcullis doctor --json"]),
    ("completions", &["portcullis completions bash >/etc/bash_completion.d/portcullis"]),
    ("man-pages", &["portcullis man-pages /usr/local/share/man/man1"]),
    (
        "user create",
        &[
            "pass show ada | portcullis user create --username ada --email ada@example.org --role resident --password-stdin",
        ],
    ),
    (
        "user import",
        &["portcullis user import users.csv", "portcullis user import users.csv --batch 2000"],
    ),
    (
        "user list",
        &[
            "portcullis user list --role admin",
            "portcullis user list --search example.org --most 20 --json",
        ],
    ),
    ("user show", &["portcullis user show --username ada"]),
    ("user lock", &["portcullis user lock --username ada@example.org"]),
    ("user unlock", &["portcullis user unlock --username ada"]),
    (
        "user set-password",
        &["pass show ada | portcullis user set-password --username ada --password-stdin"],
    ),
    ("user delete", &["portcullis user delete --username ada --for-good"]),
    ("user factors", &["portcullis user factors --username ada"]),
    ("user reset-mfa", &["portcullis user reset-mfa --username ada"]),
    (
        "user networks",
        &[
            "portcullis user networks --username ada --set 192.0.2.0/24",
            "portcullis user networks --username ada --clear",
        ],
    ),
    ("user end-sessions", &["portcullis user end-sessions --everybody"]),
    (
        "invite create",
        &[
            "portcullis invite create --email ada@example.org --role resident",
            "portcullis invite create --email ci@example.org --role msa --kind developer",
        ],
    ),
    ("invite list", &["portcullis invite list --json"]),
    ("invite revoke", &["portcullis invite revoke 0197f3c2-8d1e-7a64-b5d0-2f6f3a1c9e47"]),
    (
        "api-key create",
        &[
            "portcullis api-key create --username billing --name nightly --scope schedule:read --network 192.0.2.0/24 --days 30",
        ],
    ),
    ("api-key list", &["portcullis api-key list --username billing"]),
    (
        "api-key rotate",
        &[
            "portcullis api-key rotate --username billing --overlap-hours 2 0197f3c2-8d1e-7a64-b5d0-2f6f3a1c9e47",
        ],
    ),
    (
        "api-key revoke",
        &["portcullis api-key revoke --username billing 0197f3c2-8d1e-7a64-b5d0-2f6f3a1c9e47"],
    ),
    ("policy check", &["portcullis policy check", "portcullis policy check access_matrix.toml"]),
    (
        "policy export",
        &["portcullis policy export >access_matrix.toml", "portcullis policy export --format csv"],
    ),
    ("policy diff", &["portcullis policy diff access_matrix.toml", "portcullis policy diff 3 2"]),
    (
        "policy explain",
        &["portcullis policy explain --role resident --resource schedule --action update"],
    ),
    (
        "policy replay",
        &[
            "portcullis policy replay access_matrix.toml --days 30",
            "portcullis policy replay 3 --log decisions.jsonl",
        ],
    ),
    (
        "policy activate",
        &[
            "portcullis policy activate access_matrix.toml",
            "portcullis policy activate access_matrix.toml --map editor=author",
        ],
    ),
    ("policy rollback", &["portcullis policy rollback"]),
    ("policy history", &["portcullis policy history"]),
    ("keys list", &["portcullis keys list"]),
    ("keys rotate", &["portcullis keys rotate", "portcullis keys rotate --algorithm ES256"]),
    ("keys retire", &["portcullis keys retire k3Wm2nqVb7c"]),
    ("keys shared-secret", &["portcullis keys shared-secret"]),
    ("keys accept-secret", &["portcullis keys accept-secret"]),
    (
        "service create",
        &["portcullis service create --username billing --email billing@example.org --role msa"],
    ),
    ("service credential", &["portcullis service credential billing"]),
    ("ban list", &["portcullis ban list"]),
    ("ban add", &["portcullis ban add 203.0.113.9 --seconds 3600 --reason 'a scan'"]),
    ("ban lift", &["portcullis ban lift 203.0.113.9"]),
    ("risk explain", &["portcullis risk explain --username ada --last 5"]),
    ("risk replay", &["portcullis risk replay --days 7 --challenge-at 40"]),
    ("hash calibrate", &["portcullis hash calibrate --target-ms 200"]),
    (
        "breach-filter build",
        &["portcullis breach-filter build pwned.txt --output breached.filter --min-count 10"],
    ),
    ("breach-filter show", &["portcullis breach-filter show breached.filter"]),
    ("mail test", &["portcullis mail test ada@example.org"]),
    ("mail preview", &["portcullis mail preview previews"]),
    ("mail dead-letters", &["portcullis mail dead-letters"]),
    ("mail resend", &["portcullis mail resend all"]),
    (
        "audit verify",
        &[
            "portcullis audit verify --checkpoint checkpoint.json",
            "portcullis audit verify --archive 2026.audit",
        ],
    ),
    (
        "audit export",
        &[
            "portcullis audit export --from 2026-11-01T00:00:00Z --format csv --output november.csv",
            "portcullis audit export --kind role_changed",
        ],
    ),
    ("audit checkpoint", &["portcullis audit checkpoint --output checkpoint.json"]),
    ("audit public-key", &["portcullis audit public-key"]),
    ("audit purge", &["portcullis audit purge --older-than 400"]),
];

/// The command line with its examples.
pub(super) fn with_examples(command: Command) -> Command {
    within(command, "")
}

fn within(command: Command, path: &str) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command.mut_subcommand(name, |verb| {
            let found = EXAMPLES.iter().find(|(verb, _)| *verb == path);
            match found {
                Some((_, lines)) => verb.after_help(format!("Examples:\n  {}", lines.join("\n  "))),
                None => within(verb, &path),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::super::documents::calls;
    use super::*;

    #[test]
    fn every_verb_has_examples_and_each_is_one_of_the_verb() {
        let mut paths = Vec::new();
        leaves(&with_examples(Cli::command()), "", &mut paths);
        assert!(paths.len() > 50, "{paths:?}");
        for (path, help) in paths {
            let (_, examples) =
                help.split_once("Examples:\n").unwrap_or_else(|| panic!("{path} has no example"));
            let lines = examples.lines().take_while(|line| line.starts_with("  "));
            let calls: Vec<_> = lines.flat_map(|line| calls(line.trim())).collect();
            assert!(!calls.is_empty(), "{path}");
            for call in calls {
                let parsed = Cli::command().try_get_matches_from(&call);
                assert!(parsed.is_ok(), "{path}: {call:?}: {parsed:?}");
            }
        }
        let known = |path: &str| EXAMPLES.iter().filter(|(verb, _)| *verb == path).count();
        assert!(EXAMPLES.iter().all(|(path, _)| known(path) == 1));
    }

    fn leaves(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        for verb in command.get_subcommands() {
            let path = format!("{path} {}", verb.get_name()).trim().to_owned();
            if verb.has_subcommands() {
                leaves(verb, &path, found);
            } else {
                let help = verb.get_after_help().map(ToString::to_string);
                found.push((path, help.unwrap_or_default()));
            }
        }
    }
}
