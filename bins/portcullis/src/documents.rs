//! The documents, for tests: those that are generated from the code, and the blocks in all of them.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The variable with which a test writes its page: `PORTCULLIS_TEST_PAGES=write`.
const VARIABLE: &str = "PORTCULLIS_TEST_PAGES";

/// Compares a page of docs/reference with its generated text, or writes it.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(ROOT).join("docs/reference").join(name);
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "write") {
        fs::write(&path, text).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == text, "docs/reference/{name} is out of date: `just reference` writes it again");
}

/// The text for a cell of a table or a paragraph: outside of code, `<` begins no HTML. A line break ends no cell.
pub(crate) fn escape(text: &str) -> String {
    let parts = text.trim().split('`').enumerate();
    let escaped = parts.map(|(at, part)| match at % 2 {
        0 => part.replace('<', "\\<"),
        _ => part.to_owned(),
    });
    escaped.collect::<Vec<_>>().join("`").replace('|', "\\|").replace('\n', " ")
}

/// The README, that of the guard, and every page of docs.
pub(crate) fn pages() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let readmes = ["README.md", "crates/guard/README.md"].map(|path| root.join(path));
    pages_in(&root.join("docs")).into_iter().chain(readmes).collect()
}

fn pages_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "md"));
    own.chain(folders.iter().flat_map(|folder| pages_in(folder))).collect()
}
