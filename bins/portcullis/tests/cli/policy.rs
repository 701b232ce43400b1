//! Tests of `matrix`: validation, differences, explanations and exports.

use serde_json::Value;

use crate::configuration::broken;
use crate::machine::Machine;
use crate::{MATRIX, stricter_matrix};

/// Wrong in lines 2 and 6.
const FAULTY: &str = "\
self_registration_role = \"msa\"
resources = [\"page\", \"Page\"]
actions = [\"read\"]
[roles.admin]
juniors = [\"msa\"]
grants = [{ resources = [\"paeg\"], actions = [\"read\"] }]
[roles.msa]
grants = [{ resources = [\"page\"], actions = [\"read\"] }]
";

#[test]
fn policy_check_names_every_fault_by_line() {
    let machine = Machine::new();
    let file = machine.write("matrix.toml", FAULTY);
    let file = file.to_str().unwrap();
    let report = machine.run(&["policy", "check", file, "--json"]).exits_with(1).json();
    assert_eq!(report["ok"], false);
    let faults = report["faults"].as_array().unwrap();
    let found: Vec<_> = faults.iter().map(|f| (f["line"].as_u64().unwrap(), &f["code"])).collect();
    assert_eq!(found, [(2, &"invalid_word".into()), (6, &"unknown_resource".into())]);
    let text = machine.run(&["policy", "check", file]).exits_with(1).stdout;
    assert!(text.contains("FAULT: line 6: ") && text.contains("2 faults"), "{text}");

    let file = machine.write("matrix.toml", &MATRIX.replace("juniors = [\"coordinator\"]", ""));
    let file = file.to_str().unwrap();
    let report = machine.run(&["policy", "check", file, "--json"]).exits_with(1).json();
    assert_eq!(report["faults"][0]["code"], "unfit");
    assert!(!machine.path("data").exists());
}

#[test]
fn a_file_is_checked_beside_a_broken_configuration() {
    let machine = broken();
    let file = machine.write("matrix.toml", MATRIX);
    let file = file.to_str().unwrap();
    let text = machine.run(&["policy", "check", file]).exits_with(0).stdout;
    assert!(text.contains("8 roles, 20 resources, 11 actions"), "{text}");
    machine.run(&["policy", "diff", file, file]).exits_with(0);
    machine.run(&["policy", "check"]).exits_with(2);
}

#[test]
fn before_the_first_start_the_configured_file_counts_and_nothing_is_made() {
    let mut machine = Machine::new();
    let file = machine.write("matrix.toml", &stricter_matrix());
    machine.set("PORTCULLIS__ACCESS__MATRIX", file.to_str().unwrap());
    let text = machine.run(&["policy", "export"]).exits_with(0).stdout;
    assert_eq!(text.trim_end(), stricter_matrix().trim_end());
    let text = machine.run(&["policy", "check"]).exits_with(0).stdout;
    assert!(text.contains("matrix.toml is valid"), "{text}");
    let built_in = machine.write("built_in.toml", MATRIX);
    let diff = machine.run(&["policy", "diff", built_in.to_str().unwrap(), "--json"]);
    let changes = &diff.exits_with(0).json()["changes"];
    assert_eq!(changes["cells"].as_array().unwrap().len(), 3);
    assert_eq!(changes["cells"][0]["change"], "gained");
    for arguments in [&["policy", "history"][..], &["policy", "diff", "3"]] {
        assert!(machine.run(arguments).exits_with(1).stderr.contains("no database yet"));
    }
    assert!(!machine.path("data").exists());
}

#[test]
fn policy_export_prints_a_version_in_every_format() {
    let machine = Machine::new();
    let file = machine.write("matrix.toml", &stricter_matrix());
    machine.run(&["policy", "activate", file.to_str().unwrap()]).exits_with(0);
    let export =
        |more: &[&str]| machine.run(&[&["policy", "export"], more].concat()).exits_with(0).stdout;
    assert_eq!(export(&[]).trim_end(), stricter_matrix().trim_end());
    assert_eq!(export(&["--version", "1"]).trim_end(), MATRIX.trim_end());
    let table: Value = serde_json::from_str(&export(&["--format", "json"])).unwrap();
    assert_eq!(table["roles"].as_array().unwrap().len(), 8);
    assert!(export(&["--format", "csv"]).starts_with("role,resource,action,when,from\r\n"));
    assert!(export(&["--format", "markdown"]).contains("## resident"));
    let answer = machine.run(&["policy", "export", "--format", "csv", "--json"]).json();
    assert_eq!((&answer["version"], &answer["format"]), (&2.into(), &"csv".into()));
    let done = machine.run(&["policy", "export", "--version", "9"]).exits_with(1);
    assert!(done.stderr.contains("no version 9"), "{}", done.stderr);
}

#[test]
fn policy_diff_compares_versions_and_files() {
    let machine = Machine::new();
    let file = machine.write("matrix.toml", &stricter_matrix());
    let file = file.to_str().unwrap();
    machine.run(&["policy", "activate", file]).exits_with(0);
    let diff = |more: &[&str]| {
        machine.run(&[&["policy", "diff", "--json"], more].concat()).exits_with(0).json()
    };
    assert_eq!(diff(&["v1"])["changes"], diff(&["1", "2"])["changes"]);
    assert_eq!(diff(&["1", file])["changes"], diff(&["1", "2"])["changes"]);
    assert_eq!(diff(&["1"])["changes"]["cells"][0]["change"], "gained");
    assert_eq!(diff(&["2", "1"])["changes"]["cells"][0]["change"], "lost");
    assert_eq!(diff(&["2"])["changes"]["cells"].as_array().unwrap().len(), 0);
    let text = machine.run(&["policy", "diff", "2"]).exits_with(0).stdout;
    assert!(text.contains("Nothing changes"), "{text}");
    let text = machine.run(&["policy", "diff", "2", "1"]).exits_with(0).stdout;
    assert!(text.contains("resident  loses  notification read  always -> never"), "{text}");
}

#[test]
fn policy_explain_says_which_rule_decides_and_what_is_missing() {
    let machine = Machine::new();
    let explain = |question: &str| {
        let question = format!("policy explain --json {question}");
        let arguments: Vec<_> = question.split(' ').collect();
        machine.run(&arguments).exits_with(0).json()
    };
    let approve = "--role coordinator --resource leave --action approve --subject s";
    let answer = explain(approve);
    assert_eq!(
        (&answer["allowed"], &answer["reason"]),
        (&false.into(), &"conditions_unmet".into())
    );
    assert_eq!(answer["unmet"][0]["verdict"], "missing_context");
    assert_eq!(explain(&format!("{approve} --owner s"))["unmet"][0]["verdict"], "fails");
    let answer = explain(&format!("{approve} --owner t"));
    assert_eq!((&answer["allowed"], &answer["rule"]["line"]), (&true.into(), &41.into()));

    let swap = "--role resident --resource swap --action update --subject s --party r";
    assert_eq!(explain(swap)["allowed"], false);
    assert_eq!(explain(&format!("{swap} --party s --attribute a=1"))["allowed"], true);
    assert_eq!(explain("--role nurse --resource swap --action list")["reason"], "unknown_role");
    let inherited = explain("--role clinical_staff --resource schedule --action read");
    assert_eq!(inherited["allowed"], true);

    let file = machine.write("matrix.toml", &stricter_matrix());
    let question = "--role resident --resource notification --action read";
    assert_eq!(explain(question)["allowed"], true);
    let of_file = format!("{question} --file {}", file.display());
    assert_eq!(explain(&of_file)["reason"], "no_grant");
    let text = machine.run(&[
        "policy",
        "explain",
        "--role",
        "rn",
        "--resource",
        "user",
        "--action",
        "read",
    ]);
    assert!(text.exits_with(0).stdout.starts_with("denied: no grant"));
    assert!(!machine.path("data").exists());
}
