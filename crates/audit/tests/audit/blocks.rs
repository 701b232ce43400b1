//! Blocks of decisions: round trip, and refusal of damaged blocks.

use std::borrow::Cow;
use std::net::IpAddr;

use portcullis_audit::{
    Block, BlockError, BlockReader, BlockWriter, DecisionId, DecisionRecord, Filter, Outcome,
};
use portcullis_domain::{AccountId, SessionId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::sample::{SampleLog, Texts, account, chain, decision, keys, time};

/// A decision that owns its texts.
#[derive(Clone, Debug)]
struct Owned {
    at: i64,
    ids: (u8, Option<u8>, u8),
    address: IpAddr,
    client: (Option<String>, Option<String>),
    words: (String, String, String, String),
    context: (Option<String>, Option<Vec<String>>, Option<String>),
    matrix_version: u32,
    allowed: bool,
}

fn decisions() -> impl Strategy<Value = Vec<Owned>> {
    let text = || "[ab]{0,2}|.{0,9}|0000000[01]-0000-0000-0000-00000000000[aB]";
    let optional = || prop::option::of(text());
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ];
    let parties = prop::option::of(prop::collection::vec(text(), 0..3));
    let record = (
        prop_oneof![0..3_i64, any::<i64>()],
        (0..3_u8, prop::option::of(0..3_u8), 0..3_u8),
        address,
        (optional(), optional()),
        (text(), text(), text(), text()),
        (optional(), parties, optional()),
        prop_oneof![Just(1), any::<u32>()],
        any::<bool>(),
    );
    let record = record.prop_map(|it| Owned {
        at: it.0,
        ids: it.1,
        address: it.2,
        client: it.3,
        words: it.4,
        context: it.5,
        matrix_version: it.6,
        allowed: it.7,
    });
    // Runs of equal ones, as the checks of one request are.
    let runs = prop::collection::vec((record, 1..4_usize), 1..9);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(it, times)| vec![it; times]).collect())
}

impl Owned {
    fn parties(&self) -> Option<Vec<&str>> {
        self.context.1.as_ref().map(|names| names.iter().map(String::as_str).collect())
    }

    fn record(&self) -> DecisionRecord<'_> {
        let id = |number: u8| Uuid::from_u128(u128::from(number));
        DecisionRecord {
            at: Timestamp::from_micros(self.at),
            caller: AccountId::from_uuid(id(self.ids.0)),
            session: self.ids.1.map(|number| SessionId::from_uuid(id(number))),
            address: self.address,
            user_agent: self.client.0.as_deref(),
            request_id: self.client.1.as_deref(),
            subject: AccountId::from_uuid(id(self.ids.2)),
            role: &self.words.0,
            resource: &self.words.1,
            action: &self.words.2,
            owner: self.context.0.as_deref(),
            parties: self.parties().map(Cow::Owned),
            attributes: self.context.2.as_deref(),
            matrix_version: self.matrix_version,
            allowed: self.allowed,
            reason: &self.words.3,
        }
    }
}

fn block_of(decisions: &[Owned]) -> Block {
    let mut writer = BlockWriter::new(&keys(), chain(77), 5);
    for decision in decisions {
        writer.push(&decision.record());
    }
    writer.finish().unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read(decisions in decisions()) {
        let block = block_of(&decisions);
        prop_assert_eq!(Block::from_payload(block.payload.clone()).unwrap(), block.clone());
        prop_assert_eq!(usize::try_from(block.count).unwrap(), decisions.len());
        let times = || decisions.iter().map(|it| Timestamp::from_micros(it.at));
        prop_assert_eq!((Some(block.from), Some(block.until)), (times().min(), times().max()));
        let mut reader = BlockReader::new(&block.payload).unwrap();
        for (ordinal, decision) in (5..).zip(&decisions) {
            let (id, record) = reader.read().unwrap().unwrap();
            prop_assert_eq!(id, DecisionId { chain: chain(77), ordinal });
            prop_assert_eq!(record, decision.record());
        }
        prop_assert_eq!(reader.read(), Ok(None));
        prop_assert_eq!(reader.read(), Ok(None));
    }

    #[test]
    fn a_filter_never_hides_a_block_that_holds_what_is_looked_for(decisions in decisions()) {
        let block = block_of(&decisions);
        for decision in &decisions {
            let record = decision.record();
            let outcome = if record.allowed { Outcome::Allowed } else { Outcome::Denied };
            let filter = Filter {
                from: Some(record.at),
                until: None,
                kind: None,
                outcome: Some(outcome),
                actor: Some(record.caller),
                subject: Some(record.subject),
                resource: Some(record.resource.to_owned()),
                address: Some(record.address),
            };
            prop_assert!(filter.matches_decision(&record));
            prop_assert!(filter.may_match_block(block.from, block.until, &block.filter));
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_to_the_end(&bytes);
        let mut headed = SampleLog::new().block(0x20, 1).payload[..60].to_vec();
        headed.extend(&bytes);
        read_to_the_end(&headed);
    }

    #[test]
    fn a_damaged_block_is_read_to_an_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut payload = SampleLog::new().block(0x20, 1).payload.clone();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if cut {
            payload.truncate(length.index(payload.len()));
        }
        read_to_the_end(&payload);
    }
}

/// Reads until the end or the first damage, which must stay where it is.
fn read_to_the_end(payload: &[u8]) {
    let Ok(mut reader) = BlockReader::new(payload) else { return };
    for _ in 0..=payload.len() {
        match reader.read() {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
    panic!("more decisions than bytes");
}

#[test]
fn blocks_of_one_writer_go_on_with_the_ordinals_and_can_be_read_alone() {
    let mut writer = BlockWriter::new(&keys(), chain(77), 1);
    assert_eq!(writer.finish(), None);
    let texts = Texts::of(1);
    for ordinal in 1..=3 {
        assert_eq!(writer.push(&decision(1, &texts)).ordinal, ordinal);
        assert_eq!(u64::from(writer.len()), ordinal);
    }
    assert!(writer.size() > 100);
    let first = writer.finish().unwrap();
    assert!(writer.is_empty());
    assert_eq!((writer.len(), writer.size()), (0, 0));
    assert_eq!(writer.push(&decision(1, &texts)).ordinal, 4);
    let second = writer.finish().unwrap();
    assert_eq!((first.first_ordinal, first.count), (1, 3));
    assert_eq!((second.first_ordinal, second.count), (4, 1));
    assert_eq!((second.from, second.until), (time(1), time(1)));
    let mut reader = BlockReader::new(&second.payload).unwrap();
    let (id, record) = reader.read().unwrap().unwrap();
    assert_eq!((id.ordinal, record), (4, decision(1, &texts)));
}

#[test]
fn the_checks_of_one_request_take_a_few_bytes_each() {
    let mut writer = BlockWriter::new(&keys(), chain(77), 1);
    let texts = Texts::of(1);
    writer.push(&decision(1, &texts));
    let first = writer.size();
    writer.push(&decision(1, &texts));
    // Flags, resource, action and reason, and the tag.
    assert_eq!(writer.size() - first, 4 + 8);
}

#[test]
fn a_filter_excludes_most_of_what_is_not_there() {
    let block = SampleLog::new().block(0x20, 1).clone();
    let may_match =
        |filter: &Filter| filter.may_match_block(block.from, block.until, &block.filter);
    let hits = (100..1_100)
        .filter(|number| {
            may_match(&Filter { subject: Some(account(*number)), ..Filter::default() })
        })
        .count();
    assert!(hits < 30, "{hits} of 1000");
    let elsewhere = Filter { address: Some([198, 51, 100, 1].into()), ..Filter::default() };
    assert!(!may_match(&elsewhere));
    let other = Filter { resource: Some("billing".to_owned()), ..Filter::default() };
    assert!(!may_match(&other));
    assert!(may_match(&Filter::default()));
}

#[test]
fn a_block_without_refusals_is_not_read_for_refusals() {
    let mut writer = BlockWriter::new(&keys(), chain(77), 1);
    writer.push(&DecisionRecord { allowed: true, ..decision(1, &Texts::of(1)) });
    let block = writer.finish().unwrap();
    for (outcome, expected) in
        [(Outcome::Allowed, true), (Outcome::Denied, false), (Outcome::Success, false)]
    {
        let filter = Filter { outcome: Some(outcome), ..Filter::default() };
        let found = filter.may_match_block(block.from, block.until, &block.filter);
        assert_eq!(found, expected, "{outcome}");
    }
}

#[test]
fn bytes_that_are_no_filter_exclude_nothing() {
    let filter =
        Filter { subject: Some(account(1)), outcome: Some(Outcome::Denied), ..Filter::default() };
    for bytes in [&[][..], &[3][..], &[3, 0, 0][..]] {
        assert!(filter.may_match_block(time(0), time(1), bytes), "{bytes:?}");
    }
}

#[test]
fn what_is_no_block_says_so() {
    let payload = SampleLog::new().block(0x20, 1).payload.clone();
    let header = BlockReader::new(&payload[..20]).unwrap_err();
    assert_eq!(
        (header, Block::from_payload(vec![1; 99])),
        (BlockError::Header, Err(BlockError::Header))
    );
    let mut longer = payload.clone();
    longer.push(0);
    let mut reader = BlockReader::new(&longer).unwrap();
    for _ in 0..10 {
        assert!(reader.read().unwrap().is_some());
    }
    let beyond = DecisionId { chain: chain(0x20), ordinal: 11 };
    assert_eq!(reader.read(), Err(BlockError::Decision(beyond)));
}
