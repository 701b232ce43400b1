//! The architecture of the workspace as rules: layers, dependencies, cycles and files.
//!
//! The rules read the manifests and the source tree. A violation fails the test, with its name and the fix.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

use crate::cycles::Cut;

#[path = "architecture/book.rs"]
mod book;
#[path = "architecture/cycles.rs"]
mod cycles;
#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/packages.rs"]
mod packages;

/// Each shipped member, top layer first, and the members it may import.
///
/// The rule applies to normal and build dependencies. Development dependencies may also name the members
/// of [`TEST_ONLY`].
const MAP: &[(&str, &[&str])] = &[
    (
        "bins/portcullis",
        &[
            "api",
            "console",
            "web",
            "storage",
            "redis",
            "mail",
            "flows",
            "password",
            "token",
            "mfa",
            "access",
            "rate-limit",
            "audit",
            "domain",
        ],
    ),
    // What has no request of its own is measured in the process of the load.
    ("bins/bench", &["token", "mfa", "domain"]),
    (
        "crates/api",
        &["web", "redis", "flows", "password", "token", "mfa", "access", "audit", "domain"],
    ),
    ("crates/console", &["web", "flows", "mfa", "access", "rate-limit", "audit", "domain"]),
    ("crates/guard", &["token", "access", "domain"]),
    ("crates/web", &["flows", "password", "token", "access", "rate-limit", "audit", "domain"]),
    ("crates/redis", &["token", "rate-limit", "domain"]),
    ("crates/mail", &["flows", "token", "audit", "domain"]),
    ("crates/storage", &["flows", "password", "token", "mfa", "rate-limit", "audit", "domain"]),
    ("crates/flows", &["password", "token", "mfa", "access", "rate-limit", "audit", "domain"]),
    ("crates/access", &["access-derive", "domain"]),
    ("crates/access-derive", &[]),
    ("crates/password", &["domain"]),
    ("crates/token", &["domain"]),
    ("crates/mfa", &["domain"]),
    ("crates/rate-limit", &["domain"]),
    ("crates/audit", &["domain"]),
    ("crates/domain", &[]),
];

/// Members that are never shipped: they may import any member, and no shipped member imports them.
const TEST_ONLY: &[&str] = &["crates/testkit", "tests"];

/// External crates with restricted use, each with the members that may import it.
///
/// An entry includes its family: `diesel` is also `diesel_migrations`.
const OWNERS: &[(&str, &[&str])] = &[
    ("actix-cors", &["crates/web"]),
    ("actix-http", &["crates/web"]),
    ("actix-server", &["crates/web"]),
    ("actix-service", &["crates/web"]),
    ("actix-web", &["crates/api", "crates/console", "crates/web", "crates/guard", "bins/bench"]),
    ("argon2", &["crates/password", "bins/bench"]),
    ("askama", &["crates/console"]),
    ("aws-lc-rs", &["crates/audit", "crates/token", "crates/mfa", "crates/testkit", "bins/bench"]),
    ("axum", &["crates/guard", "crates/testkit"]),
    ("bcrypt", &["crates/password"]),
    ("cbor4ii", &["crates/mfa"]),
    ("chacha20poly1305", &["crates/token", "crates/mfa"]),
    ("deadpool", &["crates/redis"]),
    ("diesel", &["crates/storage"]),
    ("hkdf", &["crates/token"]),
    ("jsonwebtoken", &["crates/token"]),
    ("lettre", &["crates/mail"]),
    ("libc", &["bins/portcullis"]),
    ("libsqlite3-sys", &["crates/storage"]),
    ("listenfd", &["bins/portcullis"]),
    ("maxminddb", &["crates/flows"]),
    ("minijinja", &["crates/mail"]),
    ("opentelemetry", &["bins/portcullis"]),
    ("pq-sys", &["crates/storage"]),
    ("qrcode", &["crates/mfa"]),
    ("r2d2", &["crates/storage"]),
    ("redis", &["crates/redis"]),
    ("reqwest", &["crates/guard"]),
    ("rpassword", &["bins/portcullis"]),
    ("rustls", &["crates/password", "crates/redis", "crates/web", "crates/testkit"]),
    ("sd-notify", &["bins/portcullis"]),
    ("tokio-rustls", &["crates/web"]),
    ("totp-rs", &["crates/mfa"]),
    ("tower", &["crates/guard", "crates/testkit"]),
    ("utoipa", &["crates/api", "crates/web"]),
    ("zxcvbn", &["crates/password"]),
];

/// Further members that may use an external crate of [`OWNERS`] in examples and tests only.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("actix-web", &["crates/rate-limit"]),
    ("axum", &["crates/rate-limit"]),
    ("rustls", &["tests"]),
];

/// The entries allowed in the root besides dot files.
const ROOT: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "bins",
    "config",
    "crates",
    "docs",
    "justfile",
    "migrations",
    "tests",
];

/// The maximum number of lines in a source file.
const MAX_FILE_LENGTH: usize = 500;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn every_member_has_its_place_on_the_map() -> Outcome {
    let members = members()?;
    let is_member = |folder: &str| members.iter().any(|member| member.folder == folder);
    let unknown = members
        .iter()
        .filter(|member| member.may_import().is_none() && !member.is_test_only())
        .map(|member| format!("{} is on no map: give it a row in MAP", member.folder));
    let vanished = MAP
        .iter()
        .map(|(folder, _)| *folder)
        .chain(TEST_ONLY.iter().copied())
        .filter(|folder| !is_member(folder))
        .map(|folder| format!("{folder} is on the map but no member: remove its row"));
    assert_none(unknown.chain(vanished));
    Ok(())
}

#[test]
fn members_import_only_what_the_map_allows() -> Outcome {
    let members = members()?;
    let allows = |member: &Member, import: &Import| {
        let Some(imported) = members.iter().find(|other| other.package() == import.name) else {
            return true; // not of this workspace
        };
        let listed = member.may_import().is_some_and(|row| row.contains(&imported.folder_name()));
        listed || member.is_test_only() || (import.development && imported.is_test_only())
    };
    assert_none(members.iter().flat_map(|member| {
        member.imports().into_iter().filter(move |import| !allows(member, import)).map(|import| {
            format!(
                "{} may not import {}: put a port into the lower crate, or move the code down",
                member.folder, import.name
            )
        })
    }));
    Ok(())
}

#[test]
fn external_crates_stay_with_their_owners() -> Outcome {
    let members = members()?;
    assert_none(members.iter().flat_map(|member| {
        member.imports().into_iter().filter_map(move |import| {
            let (_, owners) = OWNERS.iter().find(|(family, _)| is_of(family, &import.name))?;
            let folder = member.folder.as_str();
            let is_example = import.development
                && EXAMPLES
                    .iter()
                    .any(|(name, members)| *name == import.name && members.contains(&folder));
            (!owners.contains(&folder) && !is_example).then(|| {
                format!(
                    "{} may not name {}: use what {} exports",
                    member.folder,
                    import.name,
                    owners.join(" or ")
                )
            })
        })
    }));
    Ok(())
}

#[test]
fn members_share_the_lints_and_the_naming() -> Outcome {
    let members = members()?;
    assert_none(members.iter().flat_map(|member| {
        let inherits = member.manifest.get("lints").and_then(|lints| lints.get("workspace"));
        let lints = (inherits != Some(&Value::Boolean(true)))
            .then(|| format!("{} lacks `[lints] workspace = true`: add it", member.folder));
        let expected = match member.folder_name() {
            "portcullis" => "portcullis".to_owned(),
            folder => format!("portcullis-{folder}"),
        };
        let naming = (member.package() != expected)
            .then(|| format!("{} must be the package `{expected}`: rename it", member.folder));
        lints.into_iter().chain(naming)
    }));
    Ok(())
}

/// The lint refuses `unsafe` where nothing expects it; this refuses the expectations.
#[test]
fn unsafe_functions_are_called_in_one_file() -> Outcome {
    let mut faults = Vec::new();
    for member in members()? {
        for path in sources(&root().join(&member.folder))? {
            let place = path.strip_prefix(root())?;
            let words = ["unsafe", "_code"].concat();
            if place != Path::new(UNSAFE) && fs::read_to_string(&path)?.contains(&words) {
                faults.push(format!("{} may have no unsafe code", place.display()));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

/// The call of glibc that releases memory.
const UNSAFE: &str = "bins/portcullis/src/heap.rs";

/// A renamed dependency would bypass the rules above.
#[test]
fn the_shared_dependencies_keep_their_names() -> Outcome {
    let manifest: Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let shared = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .ok_or("no [workspace.dependencies] in the root manifest")?;
    assert_none(
        shared
            .iter()
            .filter(|(key, value)| package_of(key, value) != **key)
            .map(|(key, _)| format!("`{key}` renames a crate: list it under its own name")),
    );
    Ok(())
}

/// A parent counts like any other module: it may use its children, or they may use it, not both. The
/// module `modules` defines a use.
#[test]
fn modules_form_no_cycle() -> Outcome {
    let mut faults = Vec::new();
    for folder in members()?.into_iter().map(|member| member.folder) {
        let uses = modules::uses(&root().join(&folder))?;
        faults.extend(cycles::cuts(&uses).iter().map(|cut| explain(&folder, cut)));
    }
    assert_none(faults);
    Ok(())
}

#[test]
fn no_source_file_outgrows_its_subject() -> Outcome {
    let mut faults = Vec::new();
    for path in sources(&root().join("crates"))?.into_iter().chain(sources(&root().join("bins"))?) {
        let lines = fs::read_to_string(&path)?.lines().count();
        if lines > MAX_FILE_LENGTH {
            let path = path.strip_prefix(root())?.display();
            faults.push(format!(
                "{path} has {lines} lines, {MAX_FILE_LENGTH} at most: split it by subject, or move \
                 its tests to a file of their own"
            ));
        }
    }
    assert_none(faults);
    Ok(())
}

#[test]
fn every_source_file_begins_with_its_subject() -> Outcome {
    let mut faults = Vec::new();
    for member in members()?.iter().filter(|member| member.folder != "tests") {
        for path in sources(&root().join(&member.folder).join("src"))? {
            let text = fs::read_to_string(&path)?;
            let first = text.lines().next().unwrap_or_default();
            let words = first.strip_prefix("//! ").unwrap_or_default();
            let subject = words.split(' ').next().unwrap_or_default();
            let is_readme =
                first.starts_with("#![") && text.contains("include_str!(\"../README.md\")");
            if !is_readme && (subject.is_empty() || NO_SUBJECT.contains(&subject)) {
                let path = path.strip_prefix(root()).unwrap_or(&path).display();
                faults.push(format!("{path} begins with {first:?}: name the subject in `//! …`"));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

/// Words with which a first comment would begin a riddle.
const NO_SUBJECT: &[&str] = &[
    "How", "Somebody", "Such", "That", "They", "Those", "What", "When", "Where", "Whether", "Who",
    "Whoever", "Whose", "Why",
];

#[test]
fn the_root_holds_only_its_few_entries() -> Outcome {
    assert_none(
        root_entries()?
            .into_iter()
            .filter(|entry| !entry.starts_with('.') && !ROOT.contains(&entry.as_str()))
            .map(|entry| format!("`{entry}` is in the root: move it into one of {ROOT:?}")),
    );
    Ok(())
}

fn explain(folder: &str, Cut { user, used, names, back }: &Cut) -> String {
    let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!(
        "{folder}/src/{user} may not use {names} of {used}, because {} leads back: move what both \
         need to a lower file",
        back.join(" -> ")
    )
}

struct Member {
    /// Relative to the root, as in `crates/domain`.
    folder: String,
    manifest: Table,
}

struct Import {
    /// The original name of the package, also if the manifest renames it.
    name: String,
    development: bool,
}

impl Member {
    fn package(&self) -> &str {
        let name = self.manifest.get("package").and_then(|package| package.get("name"));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    fn folder_name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or_default()
    }

    fn is_test_only(&self) -> bool {
        TEST_ONLY.contains(&self.folder.as_str())
    }

    fn may_import(&self) -> Option<&'static [&'static str]> {
        MAP.iter().find(|(folder, _)| *folder == self.folder).map(|(_, row)| *row)
    }

    /// Every dependency of every kind, also those of one target or one feature.
    fn imports(&self) -> Vec<Import> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let tables = targets
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table)
            .chain([&self.manifest]);
        tables
            .flat_map(|table| {
                let of_kind =
                    |kind| table.get(kind).and_then(Value::as_table).into_iter().flatten();
                let shipped = of_kind("dependencies").chain(of_kind("build-dependencies"));
                let development = of_kind("dev-dependencies").map(|entry| (entry, true));
                shipped.map(|entry| (entry, false)).chain(development)
            })
            .map(|((key, value), development)| Import { name: package_of(key, value), development })
            .collect()
    }
}

fn package_of(key: &str, value: &Value) -> String {
    value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned()
}

fn is_of(family: &str, name: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

fn members() -> Result<Vec<Member>, Box<dyn Error>> {
    let mut folders = vec!["tests".to_owned()];
    for parent in ["crates", "bins"] {
        for entry in fs::read_dir(root().join(parent))? {
            folders.push(format!("{parent}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let manifest = fs::read_to_string(root().join(&folder).join("Cargo.toml"))?.parse()?;
            Ok(Member { folder, manifest })
        })
        .collect()
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The files of the project: the files that git tracks, without notes and build output. In an archive, or
/// without git, all files.
fn root_entries() -> Result<Vec<String>, Box<dyn Error>> {
    // In a container the tree often belongs to another user, which git refuses by default.
    let tracked = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files"])
        .current_dir(root())
        .output();
    let mut entries = match tracked {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout)?
            .lines()
            .filter_map(|path| path.split('/').next().map(str::to_owned))
            .collect::<Vec<_>>(),
        _ => fs::read_dir(root())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .filter(|entry| !matches!(entry.as_deref(), Ok("target" | "data")))
            .collect::<Result<_, std::io::Error>>()?,
    };
    entries.sort();
    entries.dedup();
    Ok(entries)
}

/// Panics rather than returning the faults, because a returned error is printed in one line.
fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}
