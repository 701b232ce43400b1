//! The configurations in the documents: each block of TOML is accepted by the server.

use std::fs;

use portcullis_access::Matrix;

use super::Given;
use crate::documents::pages;

#[test]
fn every_configuration_in_the_documents_has_known_keys_and_valid_values() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in blocks(&text, "toml") {
            let faults = Given::nothing().file(block).faults();
            // The reader has the files that it names, and the secrets in variables.
            let faults: Vec<_> =
                faults.into_iter().filter(|fault| !is_elsewhere(&fault.key)).collect();
            assert!(faults.is_empty(), "{}:\n{block}\n{faults:#?}", page.display());
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} configurations were found");
}

/// Whole matrices are marked as `toml,matrix`, and other tables of TOML as `toml,part`.
#[test]
fn every_matrix_in_the_documents_is_sound() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in blocks(&text, "toml,matrix") {
            Matrix::parse(block).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
            count += 1;
        }
    }
    assert!(count >= 1, "only {count} matrices were found");
}

fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let mark = format!("```{language}\n");
    let after = text.split(&mark).skip(1).collect::<Vec<_>>().into_iter();
    after.map(|rest| rest.split_once("\n```").unwrap().0).collect()
}

fn is_elsewhere(key: &str) -> bool {
    let files = ["console.logo", "access.matrix", "mail.ca_file", "server.tls_certificate"];
    let secrets = ["tokens.secret_key", "mail.smtp_password"];
    files.contains(&key) || secrets.contains(&key)
}
