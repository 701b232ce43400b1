//! Tests of the digest of a matrix.

use portcullis_access::Matrix;

use crate::DEFAULT;

const BASE: &str = "
self_registration_role = 'a'
resources = ['x', 'y']
actions = ['r', 'w']
[roles.a]
juniors = ['b', 'c']
grants = [{ resources = ['x', 'y'], actions = ['r', 'w'], when = ['own', 'party'] }]
[roles.b]
grants = [
    { resources = ['y'], actions = ['r'] },
    { resources = ['*'], actions = ['w'] },
]
[roles.c]
grants = [{ resources = ['x'], actions = ['*'] }]
";

#[test]
fn layout_comments_and_order_do_not_matter() {
    let same = "
# The same, turned round.
actions = ['w', 'r']
resources = ['y', 'x']
self_registration_role = \"a\"
[roles.c]
grants = [{ actions = ['*'], resources = ['x'] }]
[roles.b]
[[roles.b.grants]]
resources = ['*']
actions = ['w']
[[roles.b.grants]]
resources = ['y']
actions = ['r']
[roles.a]
juniors = ['c', 'b']
grants = [{ when = ['party', 'own'], resources = ['y', 'x'], actions = ['w', 'r'] }]
";
    assert_eq!(digest(BASE), digest(same));
}

#[test]
fn every_change_of_meaning_does() {
    let changes = [
        ("self_registration_role = 'a'", "self_registration_role = 'b'"),
        ("['x', 'y']\nactions", "['x', 'y', 'z']\nactions"),
        ("actions = ['r', 'w']\n[", "actions = ['r', 'w', 'q']\n["),
        ("juniors = ['b', 'c']", "juniors = ['b']"),
        ("'x', 'y'], actions", "'x'], actions"),
        ("['r', 'w'], when", "['r'], when"),
        ("['own', 'party']", "['own']"),
        ("['own', 'party']", "['own', 'not_own']"),
        ("['*'], actions = ['w']", "['x'], actions = ['w']"),
        ("['x'], actions = ['*']", "['x'], actions = ['w']"),
        ("[roles.c]", "[roles.d]\ngrants = [{ resources = ['x'], actions = ['r'] }]\n[roles.c]"),
    ];
    let mut digests = vec![digest(BASE)];
    for (from, to) in changes {
        assert!(BASE.contains(from), "{from}");
        digests.push(digest(&BASE.replacen(from, to, 1)));
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 1 + changes.len());
}

/// Matrix versions are told apart by it, so it must not change from one release to the next.
#[test]
fn the_default_matrix_keeps_its_digest() {
    let hex = digest(DEFAULT).map(|byte| format!("{byte:02x}")).concat();
    insta::assert_snapshot!(hex);
}

fn digest(text: &str) -> [u8; 32] {
    Matrix::parse(text).unwrap().digest()
}
