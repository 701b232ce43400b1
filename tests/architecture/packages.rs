//! The crates as packages: each is ready for a registry, and its README begins with what a reader copies.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Member, Outcome, assert_none, members, root, sources};

/// Members that no other program uses: they are never published.
const PRIVATE: &[&str] = &["bins/bench", "tests"];

/// The fields that all packages share.
const SHARED: &[&str] = &["version", "edition", "rust-version", "license", "repository", "publish"];

/// The categories of crates.io that fit. An unknown one is dropped there without an error.
const CATEGORIES: &[&str] = &[
    "algorithms",
    "authentication",
    "command-line-utilities",
    "cryptography",
    "data-structures",
    "database",
    "development-tools::procedural-macro-helpers",
    "development-tools::testing",
    "email",
    "network-programming",
    "web-programming",
    "web-programming::http-server",
];

fn packages() -> Result<Vec<Member>, Box<dyn Error>> {
    let all = members()?.into_iter();
    Ok(all.filter(|member| !PRIVATE.contains(&member.folder.as_str())).collect())
}

fn shared(key: &str) -> Result<Table, Box<dyn Error>> {
    let manifest: Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let table = manifest.get("workspace").and_then(|it| it.get(key)).and_then(Value::as_table);
    Ok(table.ok_or(format!("no [workspace.{key}]"))?.clone())
}

#[test]
fn every_package_has_the_fields_of_a_registry() -> Outcome {
    let shared = shared("package")?;
    let mut faults: Vec<String> = SHARED
        .iter()
        .filter(|field| !shared.contains_key(**field))
        .map(|field| format!("[workspace.package] lacks {field}"))
        .collect();
    for member in packages()? {
        let package = member.manifest.get("package").and_then(Value::as_table);
        let package = package.ok_or_else(|| format!("{}: no package", member.folder))?;
        let found = faults_of(package);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", member.folder)));
    }
    assert_none(faults);
    Ok(())
}

fn faults_of(package: &Table) -> Vec<String> {
    let text = |field: &str| package.get(field).and_then(Value::as_str).unwrap_or_default();
    let words = |field: &str| -> Vec<&str> {
        let list = package.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut faults = Vec::new();
    for field in SHARED {
        let inherits = package.get(*field).and_then(|it| it.get("workspace"));
        if inherits != Some(&Value::Boolean(true)) {
            faults.push(format!("write `{field}.workspace = true`"));
        }
    }
    if !(20..=200).contains(&text("description").len()) {
        faults.push("describe it in one sentence of 20 to 200 letters".to_owned());
    }
    if text("readme") != "README.md" {
        faults.push("write `readme = \"README.md\"`".to_owned());
    }
    let (keywords, categories) = (words("keywords"), words("categories"));
    let is_keyword = |word: &&str| {
        word.len() <= 20 && word.chars().all(|it| it.is_ascii_alphanumeric() || it == '-')
    };
    if !(1..=5).contains(&keywords.len()) || !keywords.iter().all(is_keyword) {
        faults.push("name one to five keywords of at most 20 letters".to_owned());
    }
    if categories.is_empty() || !categories.iter().all(|it| CATEGORIES.contains(it)) {
        faults.push(format!("name categories of {CATEGORIES:?}"));
    }
    faults
}

#[test]
fn a_package_without_the_fields_is_refused() -> Outcome {
    let complete = "description = \"An example of a package.\"\nreadme = \"README.md\"\n\
                    keywords = [\"example\"]\ncategories = [\"database\"]\n";
    let inherited = |fields: &[&str]| -> String {
        let lines = fields.iter().map(|field| format!("{field}.workspace = true\n"));
        lines.collect::<Vec<_>>().concat()
    };
    let faults = |text: &str| Ok::<_, Box<dyn Error>>(faults_of(&text.parse()?));
    let sound = format!("{complete}{}", inherited(SHARED));
    assert_eq!(faults(&sound)?, [""; 0]);
    assert_eq!(faults("")?.len(), SHARED.len() + 4);
    for missing in sound.lines() {
        let others: Vec<&str> = sound.lines().filter(|line| *line != missing).collect();
        assert_eq!(faults(&others.join("\n"))?.len(), 1, "without {missing}");
    }
    assert_eq!(faults(&sound.replace("database", "databases"))?.len(), 1);
    Ok(())
}

/// A package without the place of its source is not published by accident.
#[test]
fn nothing_is_published_while_the_place_of_the_source_is_an_example() -> Outcome {
    let shared = shared("package")?;
    let repository = shared.get("repository").and_then(Value::as_str).unwrap_or_default();
    let is_example = repository.contains("example.org");
    assert_eq!(shared.get("publish") == Some(&Value::Boolean(false)), is_example);
    for member in members()?.iter().filter(|it| PRIVATE.contains(&it.folder.as_str())) {
        let package = member.manifest.get("package").ok_or("no package")?;
        let publish = package.get("publish");
        assert_eq!(publish, Some(&Value::Boolean(false)), "{}", member.folder);
    }
    Ok(())
}

/// A dependency by path alone cannot be packaged.
#[test]
fn every_package_is_named_with_its_version() -> Outcome {
    let version = shared("package")?.get("version").cloned();
    let dependencies = shared("dependencies")?;
    assert_none(packages()?.iter().filter_map(|member| {
        let entry = dependencies.get(member.package())?;
        (entry.get("version") != version.as_ref())
            .then(|| format!("{}: name the version of the workspace", member.package()))
    }));
    Ok(())
}

#[test]
fn every_package_has_the_licence_texts() -> Outcome {
    let mut faults = Vec::new();
    for member in packages()? {
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let text = fs::read(root().join("docs").join(name))?;
            if fs::read(root().join(&member.folder).join(name)).ok() != Some(text) {
                faults.push(format!("{}: link {name} to docs/{name}", member.folder));
            }
        }
    }
    assert_none(faults);
    Ok(())
}

/// A package has no other files than those of its folder.
#[test]
fn no_package_compiles_a_file_outside_of_its_folder_in() -> Outcome {
    let mut faults = Vec::new();
    for member in packages()? {
        let folder = root().join(&member.folder);
        for source in sources(&folder.join("src"))? {
            let text = fs::read_to_string(&source)?;
            let beside = source.parent().ok_or("no folder")?;
            for (call, base) in [
                ("include_str!(\"", beside),
                ("include_bytes!(\"", beside),
                ("embed_migrations!(\"", &folder),
            ] {
                let paths = text.split(call).skip(1).filter_map(|rest| rest.split_once('"'));
                for (path, _) in paths {
                    if !lexical(&base.join(path)).starts_with(&folder) {
                        faults.push(format!("{}: {path}", source.display()));
                    }
                }
            }
        }
    }
    assert_none(faults);
    Ok(())
}

/// The path without `..`, also through symbolic links.
fn lexical(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, part| {
        if part == Component::ParentDir {
            done.pop();
        } else {
            done.push(part);
        }
        done
    })
}

/// The README of a library begins with its entry in a manifest and an example, and has a row for each feature.
#[test]
fn every_readme_begins_with_what_a_reader_copies() -> Outcome {
    let version = shared("package")?.get("version").and_then(Value::as_str).map(str::to_owned);
    let version = version.ok_or("no version")?;
    let mut faults = Vec::new();
    for member in packages()? {
        let readme = fs::read_to_string(root().join(&member.folder).join("README.md"))?;
        let found = if member.folder.starts_with("bins") {
            let install = format!("```sh\ncargo install --locked {}\n", member.package());
            vec![(!readme.contains(&install)).then(|| "begin with the installation".to_owned())]
        } else {
            vec![beginning_fault(&readme, member.package(), &version)]
        };
        let features = member.manifest.get("features").and_then(Value::as_table);
        let features = features.into_iter().flat_map(Table::keys).filter(|it| *it != "default");
        let rows = features.map(|feature| {
            let has_row = readme.lines().any(|line| line.starts_with(&format!("| `{feature}`")));
            (!has_row).then(|| format!("explain the feature `{feature}` in a row of a table"))
        });
        let found = found.into_iter().chain(rows).flatten();
        faults.extend(found.map(|fault| format!("{}: {fault}", member.folder)));
    }
    assert_none(faults);
    Ok(())
}

/// The first block is a table of dependencies, which has all crates that the second one uses.
fn beginning_fault(readme: &str, package: &str, version: &str) -> Option<String> {
    let mut blocks = readme.split("\n```").skip(1).step_by(2);
    let manifest = blocks.next().and_then(|block| block.strip_prefix("toml,part\n"));
    let Some(Ok(manifest)) = manifest.map(str::parse::<Table>) else {
        return Some("begin with the block `toml,part` of its dependencies".to_owned());
    };
    let dependencies = manifest.get("dependencies").or_else(|| manifest.get("dev-dependencies"));
    let dependencies = dependencies.and_then(Value::as_table);
    let dependencies = dependencies.cloned().unwrap_or_default();
    let Some(example) = blocks.next().filter(|block| block.starts_with("rust")) else {
        return Some("let an example follow the dependencies".to_owned());
    };
    let code = example.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let shown: Vec<&str> = code.filter(|line| !line.starts_with('#')).collect();
    let shown = shown.join("\n");
    let words = shown.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    let mut used: Vec<String> = words
        .filter(|word| word.starts_with("portcullis_"))
        .map(|it| it.replace('_', "-"))
        .collect();
    // The macros are used through the crate that exports them.
    used.retain(|name| !name.ends_with("-derive"));
    if !package.ends_with("-derive") {
        used.push(package.to_owned());
    }
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    used.into_iter().find_map(|name| {
        let entry = dependencies.get(&name);
        let named = entry.and_then(|it| it.as_str().or_else(|| it.get("version")?.as_str()));
        (named != Some(minor)).then(|| format!("name {name} in the version {minor}"))
    })
}

#[test]
fn a_readme_that_begins_otherwise_is_refused() {
    let fault = |readme: &str| beginning_fault(readme, "portcullis-a", "0.1.0");
    let begin = "# a\n\nText.\n\n```toml,part\n[dependencies]\nportcullis-a = \"0.1\"\n```\n";
    let example = "\n```rust\nuse portcullis_a::A;\n```\n";
    assert_eq!(fault(&format!("{begin}{example}")), None);
    assert!(fault("# a\n\nText.\n").is_some());
    assert!(fault(&format!("# a\n{example}{begin}")).is_some());
    assert!(fault(begin).is_some());
    assert!(fault(&format!("{}{example}", begin.replace("0.1", "0.2"))).is_some());
    let other = example.replace("portcullis_a", "portcullis_b");
    assert!(fault(&format!("{begin}{other}")).is_some(), "a crate that is not listed");
}

/// The stated version of Rust is not below that of a dependency, which the lock file may raise.
#[test]
fn no_dependency_needs_a_newer_rust_than_the_stated_one() -> Outcome {
    let stated = shared("package")?.get("rust-version").and_then(Value::as_str).map(numbers);
    let stated = stated.flatten().ok_or("no rust-version")?;
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", host()?.as_str()])
        .current_dir(root())
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(Json::as_array).ok_or("no packages")?;
    assert!(packages.len() > 100);
    assert_none(packages.iter().filter_map(|package| {
        let [name, needed] =
            ["name", "rust_version"].map(|key| package.get(key).and_then(Json::as_str));
        let (name, needed) = (name?, needed?);
        (numbers(needed)? > stated).then(|| format!("{name} needs Rust {needed}"))
    }));
    Ok(())
}

/// The platform of the compiler, whose crates a build has fetched.
fn host() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("no host")?.to_owned())
}

/// Major and minor version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Cargo puts the examples of all packages into one folder: of two with one name, the last one that is built stays.
#[test]
fn no_two_packages_have_an_example_of_one_name() -> Outcome {
    let mut names = BTreeSet::new();
    let mut twice = Vec::new();
    for package in fs::read_dir(root().join("crates"))?.chain(fs::read_dir(root().join("bins"))?) {
        let Ok(examples) = fs::read_dir(package?.path().join("examples")) else { continue };
        for example in examples {
            let path = example?.path();
            let name = path.file_stem().ok_or("no name")?.to_owned();
            if !names.insert(name) {
                twice.push(path.display().to_string());
            }
        }
    }
    assert!(names.len() > 4, "{names:?}");
    assert_none(twice);
    Ok(())
}
