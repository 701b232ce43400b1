//! JSON export of the effective table.

use serde_json::{Map, Value, json};

use super::view::MatrixView;
use crate::matrix::RoleId;

pub(super) fn table(view: &MatrixView<'_>) -> Value {
    let words = |words: &mut dyn Iterator<Item = &str>| words.map(Value::from).collect::<Vec<_>>();
    let role = |(word, id): &(&str, RoleId)| json!({ "role": word, "juniors": view.juniors(*id), "access": by_resource(view, *id) });
    json!({
        "self_registration_role": view.self_registration_role(),
        "resources": words(&mut view.resources.iter().map(|(word, _)| *word)),
        "actions": words(&mut view.actions.iter().map(|(word, _)| *word)),
        "roles": view.roles.iter().map(role).collect::<Vec<_>>(),
    })
}

/// Maps resources to actions and grants; actions that the role does not have are left out.
fn by_resource(view: &MatrixView<'_>, role: RoleId) -> Map<String, Value> {
    let mut by_resource = Map::new();
    for &(resource, resource_id) in &view.resources {
        let mut by_action = Map::new();
        for &(action, action_id) in &view.actions {
            let access = view.access(role, resource_id, action_id);
            let grants: Vec<_> = access
                .grants
                .iter()
                .map(|grant| json!({ "when": grant.when, "from": view.origin(grant) }))
                .collect();
            if !grants.is_empty() {
                by_action.insert(action.to_owned(), Value::from(grants));
            }
        }
        if !by_action.is_empty() {
            by_resource.insert(resource.to_owned(), Value::from(by_action));
        }
    }
    by_resource
}
