//! Where the pictures of the pages go: all of them to `target/tmp/console`, or small ones of a choice to the folder
//! that `PORTCULLIS_TEST_PICTURES` names, with an index. `just pictures` writes those of `docs/console`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portcullis_testkit::Page;
use serde_json::json;

/// The areas of the index, each with the beginnings of the names of its pages. The last one has all others.
const AREAS: [(&str, &[&str]); 5] = [
    ("Signing in and out", &["sign-in", "second-step", "session-ended", "signed-out", "not-found"]),
    (
        "Registration and links of mails",
        &[
            "register",
            "check-mail",
            "forgot-password",
            "reset-password",
            "verify-email",
            "resend",
            "invalid-link",
            "not-me",
        ],
    ),
    ("Operation", &["admin-"]),
    ("API keys", &["api-key"]),
    ("Own account", &[""]),
];

/// The pages that are also shown as they are in the dark.
const DARK: [&str; 4] = ["sign-in", "account", "admin-sign-ins", "admin-matrix"];

const HEAD: &str = "# Pictures of the console\n\n`just pictures` writes this folder.\n";

/// The folder for a choice of small pictures, if somebody wants them.
fn chosen_folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the recipe hands the folder over this way")]
    let folder = std::env::var("PORTCULLIS_TEST_PICTURES");
    folder.ok().map(PathBuf::from)
}

/// The files of pictures in a folder, in order. There are none without the folder.
fn pictures(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| parsed(name).is_some()).collect();
    names.sort();
    names
}

/// Removes the pictures of an earlier run.
pub(crate) fn begin() {
    let Some(folder) = chosen_folder() else { return };
    for name in pictures(&folder) {
        fs::remove_file(folder.join(name)).expect("a file can be removed");
    }
}

/// Keeps the picture of a page, a PNG in base64.
pub(crate) fn keep(page: &mut Page<'_>, picture: &str, (name, width, is_dark): (&str, u32, bool)) {
    let look = if is_dark { "dark" } else { "light" };
    let (folder, picture) = match chosen_folder() {
        Some(_) if is_dark && !DARK.contains(&name) => return,
        Some(folder) => {
            let small = format!("({})({})", include_str!("palette.js"), json!(picture));
            (folder, page.evaluate(&small).as_str().expect("base64").to_owned())
        }
        None => (Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"), picture.to_owned()),
    };
    let picture = BASE64_STANDARD.decode(picture).expect("base64");
    fs::create_dir_all(&folder).expect("a directory");
    let file = folder.join(format!("{name}-{width}-{look}.png"));
    fs::write(file, picture).expect("a file can be written");
}

/// Writes the index of the chosen pictures.
pub(crate) fn end() {
    if let Some(folder) = chosen_folder() {
        let index = index(&pictures(&folder));
        fs::write(folder.join("README.md"), index).expect("a file can be written");
    }
}

/// The index of these files.
fn index(files: &[String]) -> String {
    let mut index = HEAD.to_owned();
    for (place, (title, _)) in AREAS.iter().enumerate() {
        let own = files.iter().filter(|file| area(file) == place);
        let own: Vec<_> = own.filter_map(|file| parsed(file)).collect();
        let mut pages: Vec<_> = own.iter().map(|(name, ..)| *name).collect();
        pages.dedup();
        if !pages.is_empty() {
            write!(index, "\n## {title}\n").expect("a string takes all");
        }
        for page in pages {
            write!(index, "\n### {page}\n\n").expect("a string takes all");
            for (_, width, look) in own.iter().filter(|(name, ..)| *name == page) {
                let file = format!("{page}-{width}-{look}.png");
                let shown = if *width == "390" { 240 } else { 640 };
                writeln!(
                    index,
                    "<a href=\"{file}\"><img src=\"{file}\" width=\"{shown}\" alt=\"{page}, {width} pixels wide, {look}\"></a>"
                )
                .expect("a string takes all");
            }
        }
    }
    index
}

/// The area of a file: the first one with a beginning of its name.
fn area(file: &str) -> usize {
    let is_of = |names: &[&str]| names.iter().any(|name| file.starts_with(name));
    AREAS.iter().position(|(_, names)| is_of(names)).expect("the last one has all others")
}

/// The name of the page, the width, and the look.
fn parsed(file: &str) -> Option<(&str, &str, &str)> {
    let (rest, look) = file.strip_suffix(".png")?.rsplit_once('-')?;
    let (name, width) = rest.rsplit_once('-')?;
    Some((name, width, look))
}

#[test]
fn the_index_of_the_documentation_names_each_picture_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/console");
    let files = pictures(&folder);
    let written = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let expected = if files.is_empty() { String::new() } else { index(&files) };
    assert_eq!(written, expected, "run `just pictures`");
    let size = |name: &String| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    let bytes: u64 = files.iter().map(size).sum();
    assert!(bytes < 4_000_000, "{bytes} bytes");
}

#[test]
fn an_index_has_an_area_for_every_page_and_each_file_once() {
    let names =
        ["account-390-light", "account-1280-dark", "admin-user-1280-light", "sign-in-390-light"];
    let files = names.map(|name| format!("{name}.png"));
    let index = index(&files);
    let headings: Vec<&str> = index.lines().filter(|line| line.starts_with("##")).collect();
    let expected = [
        "## Signing in and out",
        "### sign-in",
        "## Operation",
        "### admin-user",
        "## Own account",
        "### account",
    ];
    assert_eq!(headings, expected);
    for file in files {
        assert_eq!(index.matches(&format!("src=\"{file}\"")).count(), 1, "{index}");
    }
}
