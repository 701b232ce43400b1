//! The default access matrix as a casbin model with policy lines.

use std::collections::BTreeMap;

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use portcullis_access::Matrix;

use crate::{Grant, Question};

/// One policy line for each role, resource and action. Conditions are evaluated before and sent with the
/// request, so that casbin need not use its expression language.
pub struct Casbin(Enforcer);

const MODEL: &str = r#"
[request_definition]
r = sub, obj, act, own, party, not_own
[policy_definition]
p = sub, obj, act, own, party, not_own
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = (r.obj == p.obj || p.obj == "*") && (r.act == p.act || p.act == "*") && (p.own == "any" || r.own == "yes") && (p.party == "any" || r.party == "yes") && (p.not_own == "any" || r.not_own == "yes") && g(r.sub, p.sub)
"#;

impl Casbin {
    pub fn new(matrix: &Matrix, grants: &BTreeMap<Grant<'_>, Vec<&str>>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let model = DefaultModel::from_str(MODEL).await.unwrap();
            let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.unwrap();
            for (Grant { role, resource, when }, actions) in grants {
                for action in actions {
                    let needs = |word| if when.contains(&word) { "yes" } else { "any" };
                    let line =
                        [role, resource, action, needs("own"), needs("party"), needs("not_own")];
                    let line = line.map(str::to_owned).to_vec();
                    enforcer.add_policy(line).await.unwrap();
                }
            }
            for senior in matrix.roles() {
                for junior in matrix.juniors(matrix.role(senior).unwrap()) {
                    let line = vec![senior.to_owned(), junior.to_owned()];
                    enforcer.add_grouping_policy(line).await.unwrap();
                }
            }
            Self(enforcer)
        })
    }

    pub fn allows(&self, question: &Question<'_>) -> bool {
        let Question { role, resource, action, asked } = question;
        let say = |holds: bool| if holds { "yes" } else { "no" };
        let own = say(asked.owner.is_some_and(|owner| owner == asked.subject));
        let not_own = say(asked.owner.is_some_and(|owner| owner != asked.subject));
        let party = say(asked.parties.is_some_and(|parties| parties.contains(asked.subject)));
        self.0.enforce((*role, *resource, *action, own, party, not_own)).unwrap()
    }
}
