//! Tests of the exports: JSON, CSV and Markdown.

use portcullis_access::Matrix;
use serde_json::Value;

use crate::{DEFAULT, small};

const TOWER: &str = "\
[roles.warden]
juniors = ['keeper']
grants = [{ resources = ['*'], actions = ['approve'], when = ['not_own'] }]
[roles.keeper]
juniors = ['junior']
grants = [{ resources = ['door'], actions = ['manage'] }]
[roles.junior]
grants = [
    { resources = ['door'], actions = ['read'], when = ['party'] },
    { resources = ['door'], actions = ['read'], when = ['own'] },
    { resources = ['window'], actions = ['list'] },
]";

#[test]
fn the_whole_table_in_three_formats() {
    let matrix = Matrix::parse(&small(TOWER)).unwrap();
    insta::assert_snapshot!("csv", matrix.to_csv().replace("\r\n", "\n"));
    insta::assert_snapshot!("markdown", matrix.to_markdown());
    let table: Value = serde_json::from_str(&matrix.to_json()).unwrap();
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&table).unwrap());
}

#[test]
fn a_reader_sees_only_the_roles_shown_and_what_they_touch() {
    let matrix = Matrix::parse(&small(TOWER)).unwrap();
    let keeper = matrix.visible_to(|role| role == "keeper");
    for export in [keeper.to_csv(), keeper.to_markdown(), keeper.to_json()] {
        let export = export.replace("\"juniors\":[]", "");
        assert!(export.contains("keeper"), "{export}");
        for hidden in ["warden", "junior", "approve", "not_own"] {
            assert!(!export.contains(hidden), "{hidden} in\n{export}");
        }
        // Inherited from a role that is not shown, but the reader's own right all the same.
        assert!(export.contains("window"), "{export}");
    }
    let junior = matrix.visible_to(|role| role == "junior");
    for export in [junior.to_csv(), junior.to_markdown(), junior.to_json()] {
        for hidden in ["warden", "keeper", "delete", "manage"] {
            assert!(!export.contains(hidden), "{hidden} in\n{export}");
        }
    }
}

#[test]
fn who_may_see_nothing_gets_an_empty_table() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let nothing = matrix.visible_to(|_| false);
    assert_eq!(nothing.to_csv(), "role,resource,action,when,from\r\n");
    assert_eq!(
        nothing.to_json(),
        r#"{"actions":[],"resources":[],"roles":[],"self_registration_role":null}"#
    );
    assert!(!nothing.to_markdown().contains("##"));
}

#[test]
fn the_csv_has_a_line_for_each_way_of_the_effective_table() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let csv = matrix.to_csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut grants = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let (role, resource) =
            (matrix.role(&record[0]).unwrap(), matrix.resource(&record[1]).unwrap());
        let access = matrix.access(role, resource, matrix.action(&record[2]).unwrap());
        let is_way = |grant: &portcullis_access::EffectiveGrant<'_>| {
            grant.when.join(" ") == record[3] && grant.from == &record[4]
        };
        assert!(access.grants.iter().any(is_way), "{record:?}");
        grants += 1;
    }
    assert!(grants > 400, "{grants}");
}
