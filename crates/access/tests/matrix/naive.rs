//! A naive evaluation of a matrix: it searches all rows and follows all juniors.

use std::collections::BTreeMap;

use portcullis_access::DecisionContext;

pub(crate) struct ReferenceMatrix {
    pub(crate) juniors: BTreeMap<String, Vec<String>>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) role: String,
    pub(crate) resource: String,
    pub(crate) actions: Vec<String>,
    pub(crate) conditions: Vec<String>,
}

impl ReferenceMatrix {
    /// The comment lines of the CSV tell who inherits from whom, its rows who has which grant.
    pub(crate) fn from_csv(text: &str) -> Self {
        let ranks = text.lines().find_map(|line| line.strip_prefix("# roles: ")).unwrap();
        let mut juniors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for chain in ranks.split(';') {
            let levels: Vec<Vec<String>> =
                chain.split('>').map(|level| words(level, '|')).collect();
            for pair in levels.windows(2) {
                for senior in &pair[0] {
                    juniors.entry(senior.clone()).or_default().extend(pair[1].clone());
                }
            }
        }
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let rows = reader.records().map(|record| {
            let record = record.unwrap();
            Row {
                role: record[0].to_owned(),
                resource: record[1].to_owned(),
                actions: words(&record[2], ' '),
                conditions: words(&record[3], ' '),
            }
        });
        Self { rows: rows.collect(), juniors }
    }

    pub(crate) fn allows(
        &self,
        role: &str,
        resource: &str,
        action: &str,
        context: &DecisionContext<'_>,
    ) -> bool {
        self.matching(role, resource, action)
            .iter()
            .any(|row| row.conditions.iter().all(|condition| holds(condition, context)))
    }

    /// The grants that could allow it, whatever their conditions say.
    pub(crate) fn matching(&self, role: &str, resource: &str, action: &str) -> Vec<&Row> {
        let own = self.rows.iter().filter(|row| {
            row.role == role
                && ["*", resource].contains(&row.resource.as_str())
                && row.actions.iter().any(|written| covers(written, action))
        });
        let juniors = self.juniors.get(role).into_iter().flatten();
        own.chain(juniors.flat_map(|junior| self.matching(junior, resource, action))).collect()
    }
}

fn covers(written: &str, action: &str) -> bool {
    written == "*"
        || written == action
        || (written == "manage" && ["create", "read", "update", "delete"].contains(&action))
}

fn holds(condition: &str, context: &DecisionContext<'_>) -> bool {
    match condition {
        "own" => context.owner.is_some_and(|owner| owner == context.subject),
        "not_own" => context.owner.is_some_and(|owner| owner != context.subject),
        "party" => context.parties.is_some_and(|parties| parties.contains(context.subject)),
        _ => panic!("no such condition: {condition}"),
    }
}

fn words(text: &str, separator: char) -> Vec<String> {
    text.split(separator)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Owner absent, the subject, somebody else; parties absent, with the subject, without.
pub(crate) fn contexts() -> Vec<DecisionContext<'static>> {
    let mut contexts = Vec::new();
    for owner in [None, Some("ann"), Some("ben")] {
        for parties in [None, Some(["ann", "ben"].as_slice()), Some(["ben", "eve"].as_slice())] {
            let parties = parties.map(Into::into);
            contexts.push(DecisionContext { subject: "ann", owner, parties, attributes: None });
        }
    }
    contexts
}
