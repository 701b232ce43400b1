//! Tests of API keys: their checks, the age of what a node knows, the counts of uses, and the replacement of the
//! secret key.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Scope;
use portcullis_domain::{AccountId, DisplayName, NetworkList};
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::machine::api_key::{
    ApiKeyAuthority, ApiKeyChecks, ApiKeyError, ApiKeyPolicy, ApiKeyRefusal, ApiKeySeal,
    ApiKeyUses, ApiKeys, NewApiKey, WantedApiKey,
};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::network_policy::NetworkPolicy;
use portcullis_mfa::SeedKey;
use portcullis_testkit::{TestDatabase, samples};
use portcullis_token::{ApiKey, Purpose, SecretKey};

use crate::account_change::admin;
use crate::deployment::{DAY, Deployment, MINUTE, SECOND, secret_key};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

const OTHER_SECRET: &str = "pW3xS8nK1vB6cZ0mQ9rT4yL7hJ2gF5dA";

/// The use cases of one node.
pub(crate) struct Node {
    keys: ApiKeys,
    checks: ApiKeyChecks,
    uses: Arc<ApiKeyUses>,
}

impl Node {
    pub(crate) fn of(deployment: &Deployment) -> Self {
        Self::with(deployment, SeedKey::new(deployment.secret.derive(Purpose::ApiKeys)))
    }

    fn with(deployment: &Deployment, key: SeedKey) -> Self {
        let store = Arc::new(deployment.database.store().clone());
        let (seal, ambient) = (ApiKeySeal::new(Arc::new(key)), deployment.ambient());
        let matrix = Arc::new(ActiveMatrix::new(samples::matrix()).unwrap());
        let policy = ApiKeyPolicy { most: 3, ..ApiKeyPolicy::default() };
        let uses = Arc::new(ApiKeyUses::new(store.clone(), ambient.clone()));
        let clock = deployment.clock.clone();
        Self {
            keys: ApiKeys::new(store.clone(), matrix, seal.clone(), policy, ambient),
            checks: ApiKeyChecks::new(store, seal, uses.clone(), NetworkPolicy::default(), clock),
            uses,
        }
    }

    pub(crate) fn create(&self, owner: AccountId) -> NewApiKey {
        self.try_create(owner, &wanted("schedule:list")).unwrap()
    }

    fn try_create(
        &self,
        owner: AccountId,
        wanted: &WantedApiKey,
    ) -> Result<NewApiKey, ApiKeyError> {
        let operator = Principal::operator(samples::origin());
        self.keys.create(ApiKeyAuthority { owner, principal: &operator }, None, wanted)
    }

    /// The outcome of a check that asks the database.
    pub(crate) fn check(&self, key: &ApiKey) -> Result<(), ApiKeyRefusal> {
        self.checks.read(key, Some(HERE)).unwrap().map(drop)
    }

    /// True if the check needs no database.
    fn knows(&self, key: &ApiKey) -> bool {
        self.checks.recent(key, Some(HERE)).is_some_and(|checked| checked.is_ok())
    }

    fn write(&self) -> u64 {
        self.uses.write().unwrap()
    }
}

fn wanted(scope: &str) -> WantedApiKey {
    WantedApiKey {
        name: DisplayName::parse("report").unwrap(),
        scope: scope.parse::<Scope>().unwrap(),
        networks: NetworkList::default(),
        lifetime: None,
    }
}

pub(crate) fn enrol(deployment: &Deployment, name: &str, kind: &str) -> AccountId {
    let account = deployment.enrol(name).id;
    let change = format!("UPDATE accounts SET kind = '{kind}' WHERE username = '{name}'");
    deployment.database.store().execute(&change).unwrap();
    account
}

fn used(deployment: &Deployment) -> Vec<String> {
    let query = "SELECT outcome || ' ' || details FROM security_events WHERE kind = 'api_key_used'";
    let mut used = deployment.database.store().texts(query).unwrap();
    used.sort_unstable();
    used
}

#[test]
fn a_node_knows_a_key_for_half_a_second_and_one_caller_renews_it_in_time() {
    let deployment = Deployment::new();
    let owner = enrol(&deployment, "ada", "developer");
    let node = Node::of(&deployment);
    let key = node.create(owner).key;
    assert!(!node.knows(&key), "never used");
    node.check(&key).unwrap();
    for _ in 0..3 {
        assert!(node.knows(&key));
    }
    deployment.pass(ApiKeyChecks::MAX_AGE / 2);
    assert!(!node.knows(&key), "this caller renews it");
    assert!(node.knows(&key), "the others go on");
    node.check(&key).unwrap();
    assert!(node.knows(&key));
    deployment.pass(ApiKeyChecks::MAX_AGE);
    assert!(!node.knows(&key) && !node.knows(&key));
    node.check(&key).unwrap();
    node.checks.forget(key.id());
    assert!(!node.knows(&key), "changed on this node");
}

#[test]
fn a_known_key_works_for_ten_minutes_without_the_database() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let owner = enrol(&deployment, "ada", "service");
        let node = Node::of(&deployment);
        let (key, unused) = (node.create(owner).key, node.create(owner).key);
        node.check(&key).unwrap();
        let store = deployment.database.store();
        store.execute("ALTER TABLE api_keys RENAME TO hidden").unwrap();
        deployment.pass(599 * SECOND);
        node.check(&key).unwrap();
        assert!(node.checks.read(&unused, Some(HERE)).is_err());
        let other = ApiKey::generate(key.id(), &*deployment.ambient().random);
        assert_eq!(node.check(&other), Err(ApiKeyRefusal::Unknown), "the digest is compared");
        deployment.pass(SECOND);
        assert!(node.checks.read(&key, Some(HERE)).is_err());
        store.execute("ALTER TABLE hidden RENAME TO api_keys").unwrap();
        node.check(&key).unwrap();
    });
}

#[test]
fn uses_are_counted_exactly_also_when_a_write_fails() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let owner = enrol(&deployment, "ada", "service");
        let node = Node::of(&deployment);
        let key = node.create(owner).key;
        let networks = "198.51.100.0/24".parse().unwrap();
        let bound = WantedApiKey { networks, ..wanted("schedule:list") };
        let bound = node.try_create(owner, &bound).unwrap().key;
        for _ in 0..3 {
            node.check(&key).unwrap();
            assert_eq!(node.check(&bound), Err(ApiKeyRefusal::OutsideNetworks));
            assert!(node.knows(&key));
        }
        let store = deployment.database.store();
        store.execute("ALTER TABLE api_keys RENAME TO hidden").unwrap();
        node.uses.write().unwrap_err();
        node.check(&key).unwrap();
        store.execute("ALTER TABLE hidden RENAME TO api_keys").unwrap();
        assert_eq!((node.write(), node.write()), (2, 0));
        let expected = [
            format!(r#"outside_networks {{"key":"{}","uses":3}}"#, bound.id()),
            format!(r#"success {{"key":"{}","uses":7}}"#, key.id()),
        ];
        assert_eq!(used(&deployment), expected);
        for record in node.keys.list(owner).unwrap() {
            let last = (record.stored.id == key.id()).then(|| deployment.now());
            assert_eq!(record.stored.last_used_at, last, "a refused use is none");
        }
    });
}

#[test]
fn a_latest_use_never_goes_back() {
    let deployment = Deployment::new();
    let owner = enrol(&deployment, "ada", "service");
    let nodes = [Node::of(&deployment), Node::of(&deployment)];
    let key = nodes[0].create(owner).key;
    nodes[0].check(&key).unwrap();
    deployment.pass(MINUTE);
    let latest = deployment.now();
    nodes[1].check(&key).unwrap();
    nodes[1].write();
    nodes[0].write();
    assert_eq!(nodes[0].keys.list(owner).unwrap()[0].stored.last_used_at, Some(latest));
}

#[test]
fn an_expired_key_and_one_of_a_sleeping_owner_are_refused_and_counted_as_such() {
    let deployment = Deployment::new();
    let owner = enrol(&deployment, "ada", "developer");
    let node = Node::of(&deployment);
    let key = node.create(owner).key;
    let store = deployment.database.store();
    for sleeping in ["is_active = 0", "is_blocked = 1", "kind = 'user'"] {
        store.execute(&format!("UPDATE accounts SET {sleeping}")).unwrap();
        assert_eq!(node.check(&key), Err(ApiKeyRefusal::OwnerInactive), "{sleeping}");
        let awake = "UPDATE accounts SET is_active = 1, is_blocked = 0, kind = 'developer'";
        store.execute(awake).unwrap();
        node.check(&key).unwrap();
    }
    deployment.pass(90 * DAY);
    assert_eq!(node.check(&key), Err(ApiKeyRefusal::Expired));
    node.write();
    let outcomes: Vec<_> = used(&deployment).iter().map(|text| text[..7].to_owned()).collect();
    assert_eq!(outcomes, ["deactiv", "expired", "success"]);
}

#[test]
fn keys_are_refused_beyond_their_bounds_and_for_whom_they_are_not() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (person, owner) =
            (enrol(&deployment, "joan", "user"), enrol(&deployment, "ada", "developer"));
        let node = Node::of(&deployment);
        let create = |owner, wanted: &WantedApiKey| node.try_create(owner, wanted).unwrap_err();
        let usual = wanted("schedule:list");
        assert!(matches!(create(person, &usual), ApiKeyError::WrongKind));
        let beyond = create(owner, &wanted("token:introspect schedule:list"));
        assert!(matches!(beyond, ApiKeyError::BeyondRole(_)), "{beyond}");
        for days in [0, 366] {
            let wanted = WantedApiKey { lifetime: Some(days * DAY), ..wanted("schedule:list") };
            assert!(matches!(create(owner, &wanted), ApiKeyError::Lifetime));
        }
        let first = node.create(owner).key.id();
        (0..2).for_each(|_| drop(node.create(owner)));
        assert!(matches!(create(owner, &usual), ApiKeyError::TooMany));
        let stranger = admin(&deployment);
        let other = ApiKeyAuthority { owner, principal: &stranger };
        let refused = node.keys.create(other, None, &usual).unwrap_err();
        assert!(matches!(refused, ApiKeyError::NotEntitled), "{refused}");
        assert!(matches!(node.keys.revoke(other, first), Err(ApiKeyError::Unknown)));
        let refused = node.keys.rotate(other, None, first, None).unwrap_err();
        assert!(matches!(refused, ApiKeyError::NotEntitled), "{refused}");

        let operator = Principal::operator(samples::origin());
        let own = ApiKeyAuthority { owner, principal: &operator };
        let rotate = |id, overlap| node.keys.rotate(own, None, id, overlap).unwrap_err();
        assert!(matches!(rotate(first, Some(31 * DAY)), ApiKeyError::Overlap));
        node.keys.rotate(own, None, first, None).expect("a successor is no further key");
        assert!(matches!(rotate(first, None), ApiKeyError::Replaced), "it has one successor");
        assert!(matches!(create(owner, &usual), ApiKeyError::TooMany));
        node.keys.revoke(own, first).unwrap();
        assert!(matches!(rotate(first, None), ApiKeyError::Unknown));
        assert!(matches!(node.keys.revoke(own, first), Err(ApiKeyError::Unknown)));
    });
}

#[test]
fn a_rotated_key_has_the_lifetime_of_the_first_one_however_often_it_is_rotated() {
    let deployment = Deployment::new();
    let owner = enrol(&deployment, "ada", "service");
    let node = Node::of(&deployment);
    let operator = Principal::operator(samples::origin());
    let own = ApiKeyAuthority { owner, principal: &operator };
    let mut key = node.create(owner).key;
    for _ in 0..3 {
        deployment.pass(80 * DAY);
        let rotated = node.keys.rotate(own, None, key.id(), Some(Duration::ZERO)).unwrap();
        assert_eq!(node.check(&key), Err(ApiKeyRefusal::Expired), "without an overlap");
        assert_eq!(rotated.record.stored.expires_at, deployment.now() + 90 * DAY);
        key = rotated.key;
        node.check(&key).unwrap();
    }
}

#[test]
fn keys_outlive_the_replacement_of_the_secret_key_and_no_other_secret_opens_them() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let owner = enrol(&deployment, "ada", "service");
        let key = Node::of(&deployment).create(owner).key;
        let derive = |secret: &SecretKey| secret.derive(Purpose::ApiKeys);
        let other = secret_key(OTHER_SECRET);
        let replaced = || SeedKey::new(derive(&other));
        assert_eq!(Node::with(&deployment, replaced()).check(&key), Err(ApiKeyRefusal::Unknown));
        assert!(Node::with(&deployment, replaced()).keys.list(owner).unwrap()[0].terms.is_none());
        let during = replaced().accepting(derive(&deployment.secret));
        let during = Node::with(&deployment, during);
        during.check(&key).unwrap();
        during.keys.reseal().unwrap();
        Node::with(&deployment, replaced()).check(&key).unwrap();
        assert_eq!(Node::of(&deployment).check(&key), Err(ApiKeyRefusal::Unknown));
    });
}

#[test]
fn uses_are_recorded_for_each_client_and_further_clients_together() {
    let deployment = Deployment::on(TestDatabase::sqlite());
    let owner = enrol(&deployment, "ada", "developer");
    let node = Node::of(&deployment);
    let key = node.create(owner).key;
    let from = |address: Option<IpAddr>| {
        node.checks.read(&key, address).unwrap().map(drop).unwrap();
    };
    for client in 0..40_u8 {
        (0..2).for_each(|_| from(Some(IpAddr::from([192, 0, 2, client]))));
    }
    from(None);
    assert_eq!(node.write(), 33);
    let query = "SELECT address || ' ' || details FROM security_events WHERE kind = 'api_key_used'";
    let recorded = deployment.database.store().texts(query).unwrap();
    let uses =
        |address: &str, uses: u32| format!(r#"{address} {{"key":"{}","uses":{uses}}}"#, key.id());
    assert!(recorded.contains(&uses("192.0.2.0", 2)), "{recorded:?}");
    assert!(recorded.contains(&uses("192.0.2.31", 2)), "{recorded:?}");
    assert!(recorded.contains(&uses("::", 17)), "eight further clients and an unknown one");
}
