//! The archive: an audit log in one file.

use portcullis_audit::{ArchiveError, ArchiveWriter, FaultKind, Report, verify_archive};

use crate::sample::{SampleLog, chain, keys};

fn archived(trail: &SampleLog) -> String {
    let mut writer = ArchiveWriter::new(Vec::new());
    for checkpoint in &trail.checkpoints {
        writer.checkpoint(checkpoint).unwrap();
    }
    for stored in &trail.links {
        writer.entry(stored).unwrap();
    }
    for head in &trail.heads {
        writer.head(*head).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn verify(archive: &str) -> Result<Report, ArchiveError> {
    verify_archive(&[&keys()], &SampleLog::new().held, archive.as_bytes())
}

#[test]
fn an_archive_verifies_as_the_trail_does() {
    let trail = SampleLog::new();
    assert_eq!(verify(&archived(&trail)).unwrap(), trail.verify());
}

#[test]
fn an_edited_archive_is_found_out() {
    let mut trail = SampleLog::new();
    trail.event(1, 5).details = Some("{}".to_owned());
    assert_eq!(verify(&archived(&trail)).unwrap(), trail.verify());
    let archive = archived(&SampleLog::new());
    for (edited, kind, id) in [
        (archive.replacen("wrong_password", "success", 1), FaultKind::Changed, 0),
        (
            without_line(&archive, "\"chain\":\"0000000000000001\",\"sequence\":5"),
            FaultKind::Missing,
            1,
        ),
        (archive.replacen("\"payload\":\"Ag", "\"payload\":\"Aw", 1), FaultKind::Changed, 0x20),
    ] {
        let report = verify(&edited).unwrap();
        assert_eq!(
            (report.faults[0].kind, report.faults[0].chain),
            (kind, Some(chain(id))),
            "{report}"
        );
    }
}

fn without_line(archive: &str, of: &str) -> String {
    archive.lines().filter(|line| !line.contains(of)).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn lines_that_are_none_are_refused_by_number() {
    let archive = archived(&SampleLog::new());
    let checkpoint = archive.lines().next().unwrap();
    for (text, number) in [
        ("{}\n".to_owned(), 1),
        (format!("{checkpoint}\nnonsense\n"), 2),
        (archive.replacen("\"payload\":\"", "\"payload\":\"?", 1), 64),
        (format!("{archive}{checkpoint}\n"), archive.lines().count() + 1),
    ] {
        let error = verify(&text).unwrap_err();
        assert!(error.to_string().starts_with(&format!("line {number} is not one")), "{error}");
    }
}

#[test]
fn an_empty_archive_proves_nothing() {
    let nothing = verify_archive(&[&keys()], &[], &b""[..]);
    assert!(matches!(nothing, Err(ArchiveError::Empty)), "{nothing:?}");
}
