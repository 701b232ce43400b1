//! The pages of the reference that are generated from the routes: permissions and limits.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use portcullis_api::{operations_table, route_table};
use portcullis_web::{ApiKeyAccess, Audience, Body, Priority, Rate, Route};

const PERMISSIONS: &str = "\
# Permissions of the routes

This page is generated from the routes (`just reference`), and a test compares both. The
[access matrix](../access.md#the-servers-own-permissions) says what each permission amounts to, and
`/api/openapi.json` has the bodies and errors of each route.

*Recent* means a sign-in or a step-up within 15 minutes; *recent factor* means the same of the second factor, in a session
that has one. A key needs the permission in its scope too. `PATCH /api/admin/users/{id}` takes further permissions by what it
changes ([accounts](../accounts.md#administrators)).
";

#[test]
fn the_page_of_permissions_is_generated_from_the_routes() {
    let table = route_table();
    let mut page = PERMISSIONS.to_owned();
    for (title, audiences) in [
        ("Administration", &[Audience::Caller][..]),
        ("Services", &[Audience::Service]),
        ("Signed-in accounts", &[Audience::Caller]),
        (
            "During a demanded change of the password or an enrolment",
            &[
                Audience::SignedIn,
                Audience::PasswordChange,
                Audience::FactorEnrolment,
                Audience::SessionCredentials,
            ],
        ),
        ("Everybody", &[Audience::Everybody]),
    ] {
        let needs_permission = ["Administration", "Services"].contains(&title);
        let routes = table.iter().filter(|route| {
            audiences.contains(&route.guard.audience)
                && route.guard.permissions.is_empty() != needs_permission
        });
        write!(page, "\n## {title}\n\n").expect("it can be written");
        page.push_str("| Route | Permissions | Further | API key |\n|---|---|---|---|\n");
        for route in routes {
            push_permissions(&mut page, route);
        }
    }
    write!(page, "\n## Operations listener\n\n").expect("it can be written");
    for route in operations_table() {
        writeln!(page, "- `{} {}`", route.method.as_str(), route.path).expect("it can be written");
    }
    let listed = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(listed, table.len(), "each route has one row");
    compare("permissions.md", &page);
}

fn push_permissions(page: &mut String, route: &Route) {
    let guard = &route.guard;
    let pairs = guard.permissions.iter().map(|(resource, action)| format!("`{resource}:{action}`"));
    let permissions = pairs.collect::<Vec<_>>().join(", ");
    let further = match (guard.recent_sign_in, guard.recent_factor, guard.audience) {
        (true, ..) => "recent",
        (_, true, _) => "recent factor",
        (_, _, Audience::SessionCredentials) => "any credential of the session",
        _ => "",
    };
    let key = if guard.api_keys == ApiKeyAccess::InScope { "yes" } else { "" };
    writeln!(
        page,
        "| `{} {}` | {permissions} | {further} | {key} |",
        route.method.as_str(),
        route.path
    )
    .expect("it can be written");
}

const LIMITS: &str = "\
# Limits of the routes

This page is generated from the routes (`just reference`), and a test compares both. [Abuse protection](../abuse.md) gives
the reason of each number and its setting, and [capacity](../capacity.md) the limits of memory.

Every route but the exempt ones also counts under the general limits of the address, the account and the API key. A page of
the [console](../console.md) counts together with the route of its purpose.
";

#[test]
fn the_page_of_limits_is_generated_from_the_routes() {
    let table: Vec<&Route> = route_table().into_iter().chain(operations_table()).collect();
    let mut page = LIMITS.to_owned();
    let mut rates = BTreeMap::<&str, (String, Vec<String>)>::new();
    let mut places = BTreeMap::<&str, (usize, Vec<String>)>::new();
    let mut priorities = BTreeMap::<&str, Vec<String>>::new();
    let mut bodies = BTreeMap::<usize, Vec<String>>::new();
    for route in &table {
        let name = format!("`{} {}`", route.method.as_str(), route.path);
        if let Rate::Of(rate) = route.limit.rate {
            let quota = rate.quota();
            let numbers = format!("{} in {} s", quota.limit(), quota.window().as_secs());
            rates.entry(quota.name()).or_insert((numbers, Vec::new())).1.push(name.clone());
        }
        if let Some(kind) = route.limit.concurrency {
            let places = places.entry(kind.name).or_insert((kind.places, Vec::new()));
            places.1.push(name.clone());
        }
        let is_exempt = matches!(route.limit.rate, Rate::Exempt(_));
        let priority = if is_exempt { "exempt" } else { route.limit.priority.name() };
        if is_exempt || route.limit.priority != Priority::Normal {
            let routes = priorities.entry(priority).or_default();
            // Two listeners have the same routes of health.
            if !routes.contains(&name) {
                routes.push(name.clone());
            }
        }
        if route.body != Body::None && route.body.limit() != portcullis_web::BODY_LIMIT {
            bodies.entry(route.body.limit()).or_default().push(name);
        }
    }
    page.push_str("\n## Requests of an address\n\n| Limit | Default | Routes |\n|---|---|---|\n");
    for (name, (numbers, routes)) in rates {
        writeln!(page, "| `{name}` | {numbers} | {} |", routes.join("<br>"))
            .expect("it can be written");
    }
    page.push_str(
        "\n## Requests at a time on a node\n\n| Limit | Places | Routes |\n|---|---|---|\n",
    );
    for (name, (places, routes)) in places {
        writeln!(page, "| {name} | {places} | {} |", routes.join("<br>"))
            .expect("it can be written");
    }
    page.push_str(
        "\n## Priority while a node has too many requests\n\nAll other routes are normal.\n\n",
    );
    page.push_str("| Priority | Routes |\n|---|---|\n");
    for (priority, routes) in priorities {
        writeln!(page, "| {priority} | {} |", routes.join("<br>")).expect("it can be written");
    }
    page.push_str("\n## Size of the body\n\nAll other bodies have at most 16 KiB.\n\n");
    page.push_str("| At most | Routes |\n|---|---|\n");
    for (limit, routes) in bodies {
        writeln!(page, "| {} KiB | {} |", limit / 1024, routes.join("<br>"))
            .expect("it can be written");
    }
    compare("limits.md", &page);
}

/// Compares a page of docs/reference with its generated text, or writes it.
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    if std::env::var_os("PORTCULLIS_TEST_PAGES").is_some_and(|value| value == "write") {
        fs::write(&path, text).expect("it can be written");
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == text, "docs/reference/{name} is out of date: `just reference` writes it again");
}
