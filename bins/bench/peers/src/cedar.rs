//! The default access matrix as Cedar policies and entities.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use portcullis_access::{Matrix, Parties};

use crate::{Grant, Question};

/// One policy for each grant; a senior role is a member of its juniors.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Cedar {
    pub fn new(matrix: &Matrix, grants: &BTreeMap<Grant<'_>, Vec<&str>>) -> Self {
        let mut text = String::new();
        for (Grant { role, resource, when }, actions) in grants {
            let actions: Vec<_> = actions.iter().map(|word| format!("Action::{word:?}")).collect();
            let actions = match actions.as_slice() {
                [every] if every == "Action::\"*\"" => "action".to_owned(),
                actions => format!("action in [{}]", actions.join(", ")),
            };
            let resource = match *resource {
                "*" => "resource".to_owned(),
                word => format!("resource == Resource::{word:?}"),
            };
            write!(text, "permit (principal in Role::{role:?}, {actions}, {resource})").unwrap();
            for condition in when {
                text += match *condition {
                    "own" => " when { context has owner && context.owner == context.subject }",
                    "not_own" => " when { context has owner && context.owner != context.subject }",
                    "party" => {
                        " when { context has parties && context.parties.contains(context.subject) }"
                    }
                    other => panic!("no such condition: {other}"),
                };
            }
            text += ";\n";
        }
        let roles = matrix.roles().map(|role| {
            let juniors = matrix.juniors(matrix.role(role).unwrap());
            let juniors: HashSet<_> = juniors.map(|junior| uid("Role", junior)).collect();
            Entity::new(uid("Role", role), HashMap::new(), juniors).unwrap()
        });
        Self {
            authorizer: Authorizer::new(),
            policies: text.parse().unwrap(),
            entities: Entities::from_entities(roles, None).unwrap(),
        }
    }

    pub fn request(question: &Question<'_>) -> Request {
        let Question { role, resource, action, asked } = question;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut context = vec![("subject".to_owned(), text(asked.subject))];
        context.extend(asked.owner.map(|owner| ("owner".to_owned(), text(owner))));
        if let Some(Parties::Borrowed(parties)) = asked.parties {
            let parties = RestrictedExpression::new_set(parties.iter().map(|party| text(party)));
            context.push(("parties".to_owned(), parties));
        }
        Request::new(
            uid("Role", role),
            uid("Action", action),
            uid("Resource", resource),
            Context::from_pairs(context).unwrap(),
            None,
        )
        .unwrap()
    }

    pub fn allows(&self, request: &Request) -> bool {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        response.decision() == cedar_policy::Decision::Allow
    }
}

fn uid(kind: &str, word: &str) -> EntityUid {
    format!("{kind}::{word:?}").parse().unwrap()
}
