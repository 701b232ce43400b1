//! Whatever the cells hold, a reader gets them back and a spreadsheet runs none of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_audit::CsvWriter;

fuzz_target!(|rows: Vec<Vec<String>>| {
    let rows: Vec<_> = rows.into_iter().filter(|row| row.len() > 1).collect();
    let mut writer = CsvWriter::new(Vec::new()).expect("memory takes everything");
    for row in &rows {
        writer.write_row(row).expect("memory takes everything");
    }
    let written = writer.finish().expect("memory takes everything");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(written.as_slice());
    let mut read = 0;
    for (cells, row) in reader.records().zip(&rows) {
        let cells = cells.expect("what was written is well-formed");
        assert_eq!(cells.len(), row.len());
        for (cell, original) in cells.iter().zip(row) {
            assert!(!would_run(cell), "{cell:?}");
            assert_eq!(&without_guards(cell), original);
        }
        read += 1;
    }
    assert_eq!(read, rows.len());
});

/// Where a spreadsheet with one separator or another begins a cell.
fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split_inclusive([';', '\t', '\r', '\n'])
}

fn without_guards(cell: &str) -> String {
    parts(cell).map(|part| part.strip_prefix('\'').unwrap_or(part)).collect()
}

fn would_run(cell: &str) -> bool {
    let is_skipped = |c: char| c.is_whitespace() || c.is_control();
    let shown = |part: &str| {
        let shown = part.trim_start_matches(is_skipped);
        shown.starts_with(['=', '+', '-', '@', '−', '＝', '＋', '－', '＠'])
    };
    cell.starts_with(['\t', '\r', '\n']) || parts(cell).any(shown)
}
