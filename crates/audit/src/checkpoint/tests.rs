//! Tests of checkpoints: signatures, digests, format, and the first version.

use super::*;
use crate::{ChainId, Link};

fn keys() -> AuditKeys {
    AuditKeys::new([1; 32], [2; 32])
}

fn head(chain: i64, sequence: u64) -> Head {
    let chain = ChainId::from_i64(chain).unwrap();
    Head { chain, sequence, entries: sequence, link: Link::from_bytes([0xab; 32]) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn make(
    previous: Option<&Checkpoint>,
    at: Timestamp,
    listed: Vec<Head>,
    purged_to: Option<u64>,
) -> Checkpoint {
    let number = previous.map_or(0, Checkpoint::number) + 1;
    let mut coverage: Coverage =
        previous.map(|it| it.heads().iter().copied().collect()).unwrap_or_default();
    coverage.advance(listed.iter().copied());
    let is_signed = true;
    let statement =
        Statement { number, at, previous, is_signed, coverage: &coverage, listed, purged_to };
    Checkpoint::make(&keys(), statement)
}

fn first() -> Checkpoint {
    make(None, at(0), vec![head(0, 3)], None)
}

fn second() -> Checkpoint {
    make(Some(&first()), at(60), vec![head(32, 9), head(0, 5)], Some(1))
}

/// A checkpoint in the format of the first version.
const FIRST_VERSION: &str = r#"{
  "checkpoint": {
    "version": 1,
    "number": 2,
    "at": "2027-01-15T08:01:00Z",
    "previous": "15360bb24bcddc9706c632d70d59776fc8c5bd0b08da05afa1b075db919464ac",
    "purged_to": 1,
    "heads": [
      {
        "chain": "0000000000000000",
        "sequence": 5,
        "entries": 5,
        "link": "abababababababababababababababababababababababababababababababab"
      },
      {
        "chain": "0000000000000020",
        "sequence": 9,
        "entries": 9,
        "link": "abababababababababababababababababababababababababababababababab"
      }
    ]
  },
  "public_key": "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
  "fingerprint": "6a3803d5f059902a1c6dafbc9ba4729212f7caac08634cc3ae76b27529f03827",
  "signature": "c084d9167b0bb585097ca0442a43becbd991418f7525fc1cc7195c4a4253370a0a6be0dd8bb3d6ff3c69423a013fee9980d7137d436914f6e6c842d92d041701"
}
"#;

#[test]
fn a_checkpoint_of_the_first_version_is_still_read_and_verified() {
    let read = Checkpoint::from_file(FIRST_VERSION).unwrap();
    assert_eq!(read.verify(&keys().checkpoint_key()), Ok(()));
    assert_eq!((read.number(), read.purged_to(), read.coverage()), (2, Some(1), None));
    assert_eq!(read.heads(), [head(0, 5), head(32, 9)]);
    assert_eq!(read.to_file(), FIRST_VERSION);
    assert!(!read.lists_every_chain());
    for (from, to) in
        [(r#""sequence": 5"#, r#""sequence": 6"#), (r#""purged_to": 1"#, r#""purged_to": null"#)]
    {
        let edited = Checkpoint::from_file(&FIRST_VERSION.replacen(from, to, 1)).unwrap();
        assert_eq!(edited.verify(&keys().checkpoint_key()), Err(CheckpointError::Signature));
    }
    let orphan = FIRST_VERSION.replacen(
        r#""previous": "15360bb24bcddc9706c632d70d59776fc8c5bd0b08da05afa1b075db919464ac""#,
        r#""previous": null"#,
        1,
    );
    assert!(Checkpoint::from_file(&orphan).unwrap_err().to_string().contains("follows none"));
}

#[test]
fn the_file_is_as_documented() {
    let expected = r#"{
  "checkpoint": {
    "version": 2,
    "number": 2,
    "at": "2027-01-15T08:01:00Z",
    "previous": "a03b7831e45cd344e8a04f05f4762d44dbdcb03df01876b145877d215bb8ffac",
    "purged_to": 1,
    "every": {
      "chains": 2,
      "digest": "45c57ab22631edd0397d3da407ff674dc97874fa02046a84ea0f9ed30cb0a305"
    },
    "heads": [
      {
        "chain": "0000000000000000",
        "sequence": 5,
        "entries": 5,
        "link": "abababababababababababababababababababababababababababababababab"
      },
      {
        "chain": "0000000000000020",
        "sequence": 9,
        "entries": 9,
        "link": "abababababababababababababababababababababababababababababababab"
      }
    ]
  },
  "public_key": "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
  "fingerprint": "6a3803d5f059902a1c6dafbc9ba4729212f7caac08634cc3ae76b27529f03827",
  "signature": "6fb9076e2719549c1beae1f5237b3ecc07beea07729caf1ade39c764fc674469f2a202b576633a251a857849eda8c6fb86272e8a3fd12e690c12f9cd0261fd01"
}
"#;
    assert_eq!(second().to_file(), expected);
}

#[test]
fn a_checkpoint_reads_back_and_is_verified_with_the_public_key_alone() {
    let (checkpoint, key) = (second(), keys().checkpoint_key());
    let read = Checkpoint::from_file(&checkpoint.to_file()).unwrap();
    assert_eq!(read, checkpoint);
    assert_eq!(read.verify(&key), Ok(()));
    assert_eq!((read.number(), read.at(), read.purged_to()), (2, at(60), Some(1)));
    assert_eq!(read.heads(), [head(0, 5), head(32, 9)]);
    assert_eq!(read.public_key(), key);
    let first = first();
    assert_eq!(read.previous(), Some(first.digest()));
    assert_eq!((first.previous(), first.number()), (None, 1));
    assert!(first.lists_every_chain() && read.lists_every_chain());
    let third = make(Some(&read), at(120), vec![head(0, 6)], None);
    assert!(third.coverage().is_some() && !third.lists_every_chain());
}

#[test]
fn the_layout_of_the_file_does_not_matter() {
    let text = second().to_file();
    let compact: String = text.split_whitespace().collect();
    let read = Checkpoint::from_file(&compact).unwrap();
    assert_eq!(read.verify(&keys().checkpoint_key()), Ok(()));
}

#[test]
fn a_purge_once_stated_stays_stated() {
    let third = make(Some(&second()), at(120), Vec::new(), None);
    assert_eq!((third.number(), third.purged_to()), (3, Some(1)));
    let fourth = make(Some(&third), at(180), Vec::new(), Some(3));
    assert_eq!(fourth.purged_to(), Some(3));
}

#[test]
fn another_key_is_told_from_a_wrong_signature() {
    let (checkpoint, other) = (second(), AuditKeys::new([1; 32], [3; 32]).checkpoint_key());
    let signed_with = keys().checkpoint_key().fingerprint();
    assert_eq!(checkpoint.verify(&other), Err(CheckpointError::OtherKey { signed_with }));
}

#[test]
fn every_edit_of_the_file_is_refused() {
    let text = second().to_file();
    let key = keys().checkpoint_key();
    for (from, to) in [
        (r#""number": 2"#, r#""number": 3"#),
        ("08:01:00Z", "08:01:01Z"),
        ("08:01:00Z", "08:01:00.000000001Z"),
        (r#""previous": "a0"#, r#""previous": "0a"#),
        (r#""purged_to": 1"#, r#""purged_to": null"#),
        (r#""sequence": 5"#, r#""sequence": 6"#),
        (r#""entries": 9"#, r#""entries": 8"#),
        (r#""chains": 2"#, r#""chains": 3"#),
        (r#""digest": "45"#, r#""digest": "54"#),
        ("0000000000000020", "0000000000000021"),
        ("abab", "abac"),
        ("6fb907", "6fb908"),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = Checkpoint::from_file(&text.replacen(from, to, 1));
        assert!(edited.and_then(|it| it.verify(&key)).is_err(), "{from} to {to}");
    }
}

#[test]
fn nonsense_is_refused_with_what_is_wrong() {
    let text = second().to_file();
    let fault = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Checkpoint::from_file(&text.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert!(fault(r#""version": 2"#, r#""version": 3"#).contains("format version 3"));
    assert!(fault(r#""version": 2"#, r#""version": 0"#).contains("format version 0"));
    assert!(fault(r#""version": 2"#, r#""version": 1"#).contains("of another version"));
    assert!(fault(r#""number": 2"#, r#""number": 1"#).contains("follows none"));
    assert!(fault(r#""number": 2"#, r#""number": 0"#).contains("follows none"));
    assert!(fault(r#""purged_to": 1"#, r#""purged_to": 2"#).contains("cannot be purged itself"));
    assert!(fault("0000000000000020", "0000000000000000").contains("listed twice"));
    assert!(fault(r#""number": 2"#, r#""number": 2, "note": 1"#).contains("unknown field `note`"));
    assert!(fault("2027-01-15T08:01:00Z", "tomorrow").contains("must be a time"));
    assert!(fault(r#""fingerprint": ""#, r#""fingerprint": "0"#).contains("64 lower-case"));
    let key = keys().checkpoint_key();
    let other = AuditKeys::new([1; 32], [3; 32]).checkpoint_key();
    assert!(fault(&key.to_string(), &other.to_string()).contains("not that of the key"));
    for text in ["", "{}", "null", "checkpoint"] {
        let error = Checkpoint::from_file(text).unwrap_err();
        assert!(matches!(error, CheckpointError::Malformed(_)), "{text:?}");
    }
}
