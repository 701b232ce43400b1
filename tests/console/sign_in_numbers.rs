//! The numbers of the sign-ins page equal those that an export of the audit log gives, for random periods.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_domain::{Clock, SecureRandom, Timestamp};
use portcullis_flows::audit::sign_in_statistics::SignInStatisticsStore;
use portcullis_testkit::TestSettings;
use portcullis_testkit::{Answer, Browser, PASSWORD, SeededRandom, TestDatabase, TestServer};
use portcullis_web::Time;
use serde_json::{Value, json};

use crate::administration::with_role;

/// Random numbers that are the same in every run.
struct Dice(SeededRandom);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit
    }

    fn time_below(&self, limit: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(limit.as_micros()).expect("a short time")))
    }
}

/// A sign-in of the export.
struct Exported {
    at: Timestamp,
    entry: Value,
}

impl Exported {
    fn is_refused(&self) -> bool {
        self.entry["outcome"] != "success"
    }

    /// The hour of the week; the first one is Monday from 0 to 1 o'clock. The first of all days was a Thursday.
    fn hour_of_week(&self) -> usize {
        const HOUR: i64 = 3_600_000_000;
        usize::try_from((self.at.as_micros() / HOUR + 3 * 24) % 168).expect("an hour")
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// Sign-ins of all kinds, from several addresses, at random times of some days. Half of them are counted.
fn sign_ins(server: &TestServer, dice: &Dice) {
    for name in ["bob", "charles", "dora"] {
        Browser::of(server).register(name);
    }
    let off = "UPDATE accounts SET is_active = false WHERE username = 'dora'";
    server.database().store().execute(off).expect("the account is there");
    for number in 0..90 {
        server.clock().advance(dice.time_below(DAY / 14));
        if number % 9 == 0 {
            server.clock().advance(DAY / 5);
        }
        let names = ["bob", "charles", "charles", "dora", "nobody", "nobody-else"];
        let name = names[usize::try_from(dice.below(6)).expect("an index")];
        let password = if dice.below(3) == 0 { PASSWORD } else { "wrong" };
        let address = format!("198.51.100.{}", dice.below(4));
        let body = json!({ "username": name, "password": password }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", &*address)];
        Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body);
        if number == 45 {
            let counted = server.database().store().count_sign_ins(1_000);
            counted.expect("the database counts");
        }
    }
}

fn exported(admin: &mut Browser, query: &str) -> Vec<Exported> {
    let file = admin.get(&format!("/api/admin/audit/export?format=jsonl&{query}"), &[]);
    assert_eq!(file.status, 200, "{}", file.text);
    let lines = file.text.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).expect("a line is JSON");
        let at = Time::parse(entry["at"].as_str().expect("a time")).expect("a time").0;
        Exported { at, entry }
    });
    lines.collect()
}

/// The number of refusals for each value of a member; entries without one apart.
fn by<'a>(entries: &'a [Exported], name: &str) -> BTreeMap<&'a str, u64> {
    let mut counts = BTreeMap::new();
    let refused = entries.iter().filter(|exported| exported.is_refused());
    for value in refused.filter_map(|exported| exported.entry[name].as_str()) {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

fn refused(entries: &[Exported]) -> usize {
    entries.iter().filter(|exported| exported.is_refused()).count()
}

/// The answer of the API has the numbers of these entries.
fn check_answer(found: &Value, entries: &[Exported]) {
    let without = entries.iter().filter(|it| it.is_refused() && it.entry["subject"].is_null());
    assert_eq!(found["successes"], entries.len() - refused(entries));
    assert_eq!(found["refusals"], json!(by(entries, "outcome")));
    assert_eq!(found["without_account"], without.count());
    let buckets = found["buckets"].as_array().expect("buckets");
    let start = |bucket: &Value| Time::parse(bucket["start"].as_str().expect("a time"));
    let starts: Vec<_> = buckets.iter().map(|bucket| start(bucket).expect("a time").0).collect();
    for (place, bucket) in buckets.iter().enumerate() {
        let end = starts.get(place + 1).copied().unwrap_or(Timestamp::NEVER);
        let within = entries.iter().filter(|it| (starts[place]..end).contains(&it.at));
        let within: Vec<_> =
            within.map(|it| Exported { at: it.at, entry: it.entry.clone() }).collect();
        assert_eq!(bucket["successes"], within.len() - refused(&within), "{bucket}");
        assert_eq!(bucket["refusals"], json!(by(&within, "outcome")), "{bucket}");
    }
    let mut hours = vec![0_u64; 168];
    for exported in entries.iter().filter(|exported| exported.is_refused()) {
        hours[exported.hour_of_week()] += 1;
    }
    assert_eq!(found["refusals_by_hour_of_week"], json!(hours));
    for (list, key, member) in
        [("top_accounts", "account_id", "subject"), ("top_addresses", "address", "address")]
    {
        let items = found[list]["items"].as_array().expect("items").iter();
        let items =
            items.map(|item| (item[key].as_str().expect("a text"), item["refusals"].as_u64()));
        let items: BTreeMap<_, _> = items.collect();
        let expected = by(entries, member);
        assert_eq!(items, expected.into_iter().map(|(key, count)| (key, Some(count))).collect());
    }
}

/// The numbers in a text, after each of these beginnings.
fn numbers<'a>(page: &'a Answer, beginning: &'a str) -> impl Iterator<Item = usize> + 'a {
    let parts = page.text.split(beginning).skip(1);
    parts.map(move |part| {
        let number = part.split('<').next().expect("a part");
        number.parse().unwrap_or_else(|_| panic!("{number:?} after {beginning}"))
    })
}

/// A row of the table on the page: the query of its link, and its numbers.
fn rows(page: &Answer) -> Vec<(String, usize, usize)> {
    let rows = page.text.split("<th scope=\"row\" class=\"time\"><a href=\"/console/admin/audit?");
    let row = |row: &str| {
        let (link, cells) = row.split_once('"').expect("a link");
        let mut cells = cells.split("<td>").skip(1).map(|cell| cell.split('<').next());
        let mut number = || cells.next().flatten().and_then(|cell| cell.parse().ok());
        let counts = number().zip(number()).expect("two numbers");
        (link.replace("&amp;", "&"), counts.0, counts.1)
    };
    rows.skip(1).map(row).collect()
}

/// The page has the numbers of these entries, and its links lead to them.
fn check_page(admin: &mut Browser, page: &Answer, entries: &[Exported]) {
    assert_eq!(page.status, 200, "{}", page.text);
    let (refused, all) = (refused(entries), entries.len());
    let figure =
        |label: &str| numbers(page, &format!("<dt>{label}</dt><dd>")).next().expect("a figure");
    assert_eq!((figure("Refused"), figure("Successful")), (refused, all - refused));
    let outcomes = page.text.split("<ul class=\"series\">").nth(1).unwrap_or_default();
    for (outcome, count) in by(entries, "outcome") {
        assert!(outcomes.contains(&format!("{outcome} <strong>{count}</strong>")), "{outcomes}");
    }
    let hours: usize = (0..=5)
        .flat_map(|level| {
            let beginning = format!("<td class=\"h{level}\">");
            numbers(page, &beginning).collect::<Vec<_>>()
        })
        .sum();
    assert_eq!(hours, refused);
    let rows = rows(page);
    if refused > 0 {
        assert_eq!(rows.iter().map(|row| row.1).sum::<usize>(), refused);
        assert_eq!(rows.iter().map(|row| row.2).sum::<usize>(), all - refused);
    }
    for (link, refusals, successes) in [rows.first(), rows.last()].into_iter().flatten() {
        let entries = exported(admin, link);
        assert_eq!(self::refused(&entries), *refusals, "{link}");
        assert_eq!(entries.len(), refusals + successes, "{link}");
    }
}

#[test]
fn the_numbers_of_random_periods_equal_those_of_an_export() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings {
            trusted_proxies: vec!["127.0.0.1/32".to_owned()],
            risk: None,
            ..TestSettings::default()
        };
        let server = TestServer::with(database, settings);
        let dice = Dice(SeededRandom::new(20_270_115));
        let begin = server.clock().now();
        sign_ins(&server, &dice);
        let mut admin = with_role(&server, "ada", "admin");
        server.clock().advance(Duration::from_secs(1));
        let length = server.clock().now().since(begin);
        assert!(length > DAY * 3, "{length:?}");
        let mut seen = 0;
        for _ in 0..20 {
            // Some periods have a few minutes, some all days.
            let part = length / u32::try_from(1 << dice.below(8)).expect("a divisor");
            let from = begin + dice.time_below(length);
            let until = from + Duration::from_micros(1) + dice.time_below(part);
            let period = format!("from={from}&until={until}");
            let entries = exported(&mut admin, &format!("kind=sign_in&{period}"));
            seen += entries.len();
            let found = admin.get(&format!("/api/admin/sign-ins?{period}"), &[]);
            check_answer(&found.json(), &entries);
            let page = admin.get(&format!("/console/admin/sign-ins?{period}"), &[]);
            check_page(&mut admin, &page, &entries);
        }
        assert!(seen > 100, "{seen}");
    });
}
