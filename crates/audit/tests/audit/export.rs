//! Exports: safe to open, complete, and readable by other programs.

use std::borrow::Cow;

use portcullis_audit::{CsvWriter, DecisionId, Entry, JsonLinesWriter};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{Texts, chain, decision, event, time};

fn written(rows: &[Vec<String>]) -> String {
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    for row in rows {
        writer.write_row(row).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn read(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Where a spreadsheet with one separator or another begins a cell.
fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split_inclusive([';', '\t', '\r', '\n'])
}

/// What a spreadsheet would run, by a rule of its own.
fn would_run(cell: &str) -> bool {
    let shown = |part: &str| {
        let shown = part.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
        shown.starts_with(['=', '+', '-', '@', '−', '＝', '＋', '－', '＠'])
    };
    cell.starts_with(['\t', '\r', '\n']) || parts(cell).any(shown)
}

fn without_guards(cell: &str) -> String {
    parts(cell).map(|part| part.strip_prefix('\'').unwrap_or(part)).collect()
}

proptest! {
    #[test]
    fn a_reader_reads_back_what_was_written_and_no_cell_would_run(
        rows in prop::collection::vec(
            prop::collection::vec("[-=+@'\t\r\n\",; a−＝＋－＠\u{feff}]{0,6}|.{0,9}", 2..5),
            0..5,
        ),
    ) {
        let text = written(&rows);
        let cells = read(&text);
        prop_assert!(cells.iter().flatten().all(|cell| !would_run(cell)), "{text:?}");
        let unguarded: Vec<Vec<_>> = cells
            .iter()
            .map(|row| row.iter().map(|cell| without_guards(cell)).collect())
            .collect();
        prop_assert!(text.ends_with("\r\n"));
        prop_assert_eq!(unguarded, rows);
    }
}

#[test]
fn formulas_are_guarded_and_other_cells_are_left_alone() {
    for (cell, expected) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "\"'\r'=1\""),
        ("\u{2212}1", "'\u{2212}1"),
        ("a;=1", "a;'=1"),
        ("a; =1", "a;' =1"),
        ("a;'b", "a;''b"),
        ("a;b", "a;b"),
        ("a\r\n@b", "\"a\r\n'@b\""),
        (" =1", "' =1"),
        ("\u{feff}=1", "'\u{feff}=1"),
        ("\u{200b}=1", "'\u{200b}=1"),
        ("\u{2060}=1", "'\u{2060}=1"),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠1", "'＠1"),
        ("'quoted", "''quoted"),
        ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ("a,b", "\"a,b\""),
        ("a;b", "a;b"),
        ("a ", "a "),
        ("a\nb", "\"a\nb\""),
        ("a=b", "a=b"),
        ("a b", "a b"),
        ("", ""),
    ] {
        let text = written(&[vec!["x".to_owned(), cell.to_owned()]]);
        let (_, row) = text.split_once("\r\n").unwrap();
        assert_eq!(row, format!("x,{expected}\r\n"), "{cell:?}");
    }
}

#[test]
fn entries_fill_the_columns_of_the_header() {
    let (event, texts) = (event(1), Texts::of(15));
    let id = DecisionId { chain: chain(0x20), ordinal: 3 };
    let mut decision = decision(15, &texts);
    decision.attributes = Some("{\"ward\":3}");
    decision.session = None;
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    writer.write(&Entry::of_event(&event)).unwrap();
    writer.write(&Entry::of_decision(id, &decision)).unwrap();
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "at,id,kind,outcome,actor,subject,session,address,user_agent,request_id,role,resource,\
             action,owner,parties,attributes,matrix_version,reason,details",
            "2027-01-15T08:00:01Z,00000000-0000-0000-0000-000000000001,sign_in,wrong_password,nobody,\
             00000000-0000-0000-0000-000000001001,,192.0.2.7,samples/1,5f1c9a7e40d2b836-1,,,,,,,,,",
            "2027-01-15T08:00:15Z,0000000000000020-3,permission_check,allowed,\
             00000000-0000-0000-0000-000000001005,00000000-0000-0000-0000-000000001003,,192.0.2.0,\
             samples/1,5f1c9a7e40d2b836-5,faculty,absence,read,\
             00000000-0000-0000-0000-000000001006,\"[\"\"ada\"\",\"\"grace\"\"]\",\
             \"{\"\"ward\"\":3}\",3,granted by faculty schedule read (line 12),",
        ]
    );
}

#[test]
fn a_json_line_embeds_json_and_leaves_out_what_is_not_there() {
    let mut event = event(1);
    event.details = Some(r#"{"version":3}"#.to_owned());
    let broken = Entry { details: Some(Cow::Borrowed("{")), ..Entry::of_event(&event) };
    let mut writer = JsonLinesWriter::new(Vec::new());
    writer.write(&Entry::of_event(&event)).unwrap();
    writer.write(&broken).unwrap();
    let texts = Texts::of(35);
    let id = DecisionId { chain: chain(0x20), ordinal: 3 };
    writer.write(&Entry::of_decision(id, &decision(35, &texts))).unwrap();
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["details"], json!({"version": 3}));
    assert_eq!(lines[0]["at"], "2027-01-15T08:00:01Z");
    assert_eq!(lines[0].get("resource"), None);
    assert_eq!(lines[1]["details"], "{");
    assert_eq!(lines[2]["parties"], json!(["ada", "grace"]));
    assert_eq!(lines[2]["attributes"], json!({"ward": 3}));
    assert_eq!(lines[2]["outcome"], "allowed");
    assert_eq!(lines.len(), 3);
}

#[test]
fn an_owned_entry_equals_the_one_it_was_made_from() {
    let (event, texts) = (event(1), Texts::of(105));
    let id = DecisionId { chain: chain(0x20), ordinal: 3 };
    let decision = decision(105, &texts);
    for entry in [Entry::of_event(&event), Entry::of_decision(id, &decision)] {
        assert_eq!(entry.clone().into_owned(), entry);
    }
    assert_eq!(Entry::of_event(&event).at, time(1));
}
