//! The page of the metrics, and the dashboard and alert rules: each uses the metrics of a real server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use portcullis_mail::Transport;
use portcullis_testkit::{
    Browser, TestCertificates, TestDatabase, TestServer, TestSettings, redis_url,
};
use serde_json::{Value, json};

use crate::reference::compare;

const HEAD: &str = "\
# Metrics

This page is generated from the answer of a server (`just reference`), and a test compares both. [Operations](../operations.md#metrics)
says where to read the metrics, and has a dashboard and alert rules.

Every label has few values, all of them from the server: routes, statuses, codes, jobs. No label has a part of a request. A metric
of a part that is not configured is absent: Redis, TLS. A metric with labels is absent until it has counted something.
";

/// A metric of the answer.
#[derive(Default)]
struct Metric {
    about: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// The metrics of servers with every part, after requests by which each metric with labels has counted something.
fn metrics() -> BTreeMap<String, Metric> {
    let redis = Some(redis_url());
    let mails = Some(Transport::Console);
    let settings = TestSettings { redis, mails, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    browser.get("/unknown", &[]);
    let report = json!({ "csp-report": { "effective-directive": "img-src" } }).to_string();
    let headers = [("content-type", "application/csp-report"), ("origin", server.origin())];
    browser.send("POST", "/api/csp-reports", &headers, &report);
    let certificates = TestCertificates::new();
    let settings = TestSettings { tls: Some(certificates.files()), ..TestSettings::default() };
    let encrypted = TestServer::with(TestDatabase::sqlite(), settings);
    let mut metrics = BTreeMap::new();
    for text in [server.metrics(), encrypted.metrics()] {
        text.lines().for_each(|line| read(line, &mut metrics));
    }
    metrics
}

fn read(line: &str, metrics: &mut BTreeMap<String, Metric>) {
    if let Some((name, about)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' ')) {
        about.clone_into(&mut metrics.entry(name.to_owned()).or_default().about);
    } else if let Some((name, kind)) =
        line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' '))
    {
        kind.clone_into(&mut metrics.entry(name.to_owned()).or_default().kind);
    } else if let Some((sample, labels)) = line.split_once('{') {
        let metric = metrics.get_mut(family(sample, metrics)).expect("its type came before");
        // Every second part is the value of a label.
        let names = labels.split('"').step_by(2).filter_map(|part| part.strip_suffix('='));
        let names = names.map(|name| name.trim_start_matches(',').to_owned());
        metric.labels.extend(names.filter(|name| name != "le"));
    }
}

/// The metric that has this sample: a histogram has three of other names.
fn family<'a>(sample: &'a str, metrics: &BTreeMap<String, Metric>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"].into_iter();
    let mut parts = parts.filter_map(|part| sample.strip_suffix(part));
    let histogram = |name: &&str| metrics.get(*name).is_some_and(|it| it.kind == "histogram");
    parts.find(histogram).unwrap_or(sample)
}

#[test]
fn the_page_of_metrics_is_generated_from_the_answer_of_a_server() {
    let mut page = HEAD.to_owned();
    let metrics = metrics();
    for (title, prefix) in [("Server", "portcullis_"), ("Process", "process_")] {
        write!(page, "\n## {title}\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n")
            .expect("it can be written");
        for (name, metric) in metrics.iter().filter(|(name, _)| name.starts_with(prefix)) {
            let Metric { about, kind, labels } = metric;
            assert!(!about.is_empty() && !kind.is_empty(), "{name}");
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let about = about.trim_end_matches('.');
            writeln!(page, "| `{name}` | {kind} | {} | {about} |", labels.join(", "))
                .expect("it can be written");
        }
    }
    let listed = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(listed, metrics.len(), "each metric has one row");
    compare("metrics.md", &page);
}

fn operate(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate").join(file);
    fs::read_to_string(path).expect("the file is there")
}

/// The words of an expression that are names of metrics, each with the labels of its braces.
fn used(expression: &str) -> Vec<(&str, Vec<&str>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for prefix in ["portcullis_", "process_"] {
        for (start, _) in expression.match_indices(prefix) {
            if expression[..start].ends_with(is_word) {
                continue;
            }
            let rest = &expression[start..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let matchers = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
            let matchers = matchers.into_iter().flat_map(|matchers| matchers.split(','));
            let labels = matchers.filter_map(|matcher| matcher.split(['=', '!']).next());
            found.push((name, labels.collect()));
        }
    }
    found
}

/// Panics if an expression uses a metric, or a label of it, that no server has.
fn check(expression: &str, metrics: &BTreeMap<String, Metric>) {
    let used = used(expression);
    assert!(!used.is_empty() || expression.starts_with("up{"), "{expression} uses no metric");
    for (name, labels) in used {
        let metric = metrics.get(family(name, metrics));
        let metric = metric.unwrap_or_else(|| panic!("no server has {name}: {expression}"));
        let is_histogram = metric.kind == "histogram";
        assert!(!is_histogram || family(name, metrics) != name, "{name} has three samples");
        for label in labels {
            let is_known = ["job", "instance"].contains(&label) || metric.labels.contains(label);
            assert!(is_known, "{name} has no label {label}: {expression}");
        }
    }
}

#[test]
fn the_dashboard_uses_only_metrics_of_a_server() {
    let metrics = metrics();
    let dashboard: Value = serde_json::from_str(&operate("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    let mut expressions = 0;
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("a panel has targets");
        assert!(!targets.is_empty() && panel["title"].is_string(), "{panel}");
        for target in targets {
            check(target["expr"].as_str().expect("an expression"), &metrics);
            expressions += 1;
        }
    }
    assert!(expressions > 30, "{expressions}");
    for variable in dashboard["templating"]["list"].as_array().expect("it has variables") {
        if variable["type"] == "query" {
            check(variable["query"].as_str().expect("a query"), &metrics);
        }
    }
}

#[test]
fn the_alert_rules_use_only_metrics_of_a_server() {
    let metrics = metrics();
    let rules = operate("alerts.yaml");
    let after = |key: &str| -> Vec<&str> {
        rules.lines().filter_map(|line| line.trim().strip_prefix(key)).collect()
    };
    let (names, expressions) = (after("- alert: "), after("expr: "));
    assert!(names.len() > 20, "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "one name twice");
    for key in ["expr: ", "labels: { severity: ", "annotations: { summary: "] {
        assert_eq!(after(key).len(), names.len(), "each rule has `{key}`");
    }
    for expression in expressions {
        check(expression.trim_matches('\''), &metrics);
    }
}

#[test]
#[should_panic(expected = "no server has portcullis_unknown_total")]
fn an_unknown_metric_is_found() {
    check("sum(rate(portcullis_unknown_total[5m]))", &BTreeMap::new());
}

#[test]
#[should_panic(expected = "portcullis_known has no label colour")]
fn an_unknown_label_is_found() {
    let metrics = BTreeMap::from([("portcullis_known".to_owned(), Metric::default())]);
    check("portcullis_known{job=\"a\",colour=~\"red\"}", &metrics);
}
