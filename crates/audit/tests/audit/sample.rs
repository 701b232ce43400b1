//! A small, deterministic audit log with every kind of chain.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use portcullis_audit::{
    AuditKeys, Block, BlockWriter, Chain, ChainId, Checkpoint, Coverage, DecisionRecord,
    EventRecord, Head, Report, Statement, StoredCheckpoint, StoredContent, StoredLink, Verifier,
};
use portcullis_domain::{AccountId, EventId, SessionId, Timestamp};
use uuid::Uuid;

pub(crate) fn keys() -> AuditKeys {
    AuditKeys::new([1; 32], [2; 32])
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub(crate) fn account(number: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(0x1000 + number))
}

pub(crate) fn chain(id: i64) -> ChainId {
    ChainId::from_i64(id).unwrap()
}

pub(crate) fn event(number: u128) -> EventRecord {
    EventRecord {
        id: EventId::from_uuid(Uuid::from_u128(number)),
        at: time(i64::try_from(number).unwrap()),
        kind: "sign_in".to_owned(),
        actor: "nobody".to_owned(),
        subject: Some(account(number % 7)),
        session: None,
        address: "192.0.2.7".to_owned(),
        user_agent: Some("samples/1".to_owned()),
        request_id: Some(format!("5f1c9a7e40d2b836-{number:x}")),
        outcome: "wrong_password".to_owned(),
        details: None,
    }
}

/// The decision with this number; some fields are there in one of two and three.
pub(crate) fn decision(number: u64, texts: &Texts) -> DecisionRecord<'_> {
    DecisionRecord {
        at: time(i64::try_from(number).unwrap()),
        caller: account(u128::from(number / 3)),
        session: (number.is_multiple_of(2))
            .then(|| SessionId::from_uuid(Uuid::from_u128(u128::from(number / 3)))),
        address: IpAddr::from([192, 0, 2, u8::try_from(number % 5).unwrap()]),
        user_agent: Some("samples/1"),
        request_id: Some(&texts.request_id),
        subject: account(u128::from(number % 4)),
        role: "faculty",
        resource: if number.is_multiple_of(2) { "schedule" } else { "absence" },
        action: "read",
        owner: (number.is_multiple_of(3)).then_some(&texts.owner),
        parties: (number.is_multiple_of(5)).then_some(Cow::Borrowed(&["ada", "grace"])),
        attributes: (number.is_multiple_of(7)).then_some(r#"{"ward":3}"#),
        matrix_version: 3,
        allowed: number % 3 != 1,
        reason: "granted by faculty schedule read (line 12)",
    }
}

/// The texts that a sample decision borrows.
pub(crate) struct Texts {
    request_id: String,
    owner: String,
}

impl Texts {
    pub(crate) fn of(number: u64) -> Self {
        let owner = account(u128::from(number % 9)).to_string();
        Self { request_id: format!("5f1c9a7e40d2b836-{:x}", number / 3), owner }
    }
}

/// A stored audit log, and an exported checkpoint.
#[derive(Clone)]
pub(crate) struct SampleLog {
    pub(crate) links: Vec<StoredLink>,
    pub(crate) heads: Vec<Head>,
    pub(crate) checkpoints: Vec<StoredCheckpoint>,
    pub(crate) held: Vec<Checkpoint>,
}

impl SampleLog {
    /// Two chains of 30 events and two of 6 blocks with 10 decisions each; a checkpoint after each
    /// third of them, the second of which was exported.
    pub(crate) fn new() -> Self {
        static WRITTEN: LazyLock<SampleLog> = LazyLock::new(|| SampleLog::written_with(&keys()));
        WRITTEN.clone()
    }

    pub(crate) fn written_with(keys: &AuditKeys) -> Self {
        let mut links = Vec::new();
        for (id, base) in [(0, 0), (1, 1_000)] {
            let records = (1..=30).map(|n| event(base + n));
            let contents = records.map(StoredContent::Event);
            links.extend(sealed(keys, chain(id), contents));
        }
        for id in [0x20, 0x30] {
            links.extend(sealed(
                keys,
                chain(id),
                blocks(keys, chain(id)).map(StoredContent::Block),
            ));
        }
        let mut trail =
            Self { links, heads: Vec::new(), checkpoints: Vec::new(), held: Vec::new() };
        trail.heads = trail.heads_at(30, 6);
        for (number, (events, blocks)) in (1..).zip([(10, 2), (20, 4), (27, 5)]) {
            trail.checkpoint(keys, number, trail.heads_at(events, blocks), None);
        }
        trail.held = vec![Checkpoint::from_file(&trail.checkpoints[1].file).unwrap()];
        trail
    }

    /// Adds a checkpoint with these heads.
    pub(crate) fn checkpoint(
        &mut self,
        keys: &AuditKeys,
        number: i64,
        heads: Vec<Head>,
        purged_to: Option<u64>,
    ) {
        let stored = self.checkpoints.iter().map(|it| Checkpoint::from_file(&it.file).unwrap());
        let stored: Vec<_> = stored.collect();
        let mut coverage = Coverage::default();
        for checkpoint in &stored {
            coverage.follow(checkpoint);
        }
        coverage.advance(heads.iter().copied());
        let statement = Statement {
            number: stored.last().map_or(1, |before| before.number() + 1),
            at: time(number * 100),
            previous: stored.last(),
            is_signed: true,
            coverage: &coverage,
            listed: heads,
            purged_to,
        };
        let made = Checkpoint::make(keys, statement);
        self.checkpoints.push(StoredCheckpoint { number: made.number(), file: made.to_file() });
    }

    pub(crate) fn heads_at(&self, events: u64, blocks: u64) -> Vec<Head> {
        let ends = self.links.iter().filter(|it| match it.content {
            StoredContent::Event(_) => it.sequence == events,
            StoredContent::Block(_) => it.sequence == blocks,
        });
        ends.map(|it| Head {
            chain: it.chain,
            sequence: it.sequence,
            entries: match &it.content {
                StoredContent::Event(_) => it.sequence,
                StoredContent::Block(block) => block.first_ordinal + u64::from(block.count) - 1,
            },
            link: it.link,
        })
        .collect()
    }

    pub(crate) fn index(&self, chain: ChainId, sequence: u64) -> usize {
        self.links.iter().position(|it| (it.chain, it.sequence) == (chain, sequence)).unwrap()
    }

    pub(crate) fn event(&mut self, id: i64, sequence: u64) -> &mut EventRecord {
        let index = self.index(chain(id), sequence);
        match &mut self.links[index].content {
            StoredContent::Event(event) => event,
            StoredContent::Block(_) => panic!("a block"),
        }
    }

    pub(crate) fn block(&mut self, id: i64, sequence: u64) -> &mut Block {
        let index = self.index(chain(id), sequence);
        match &mut self.links[index].content {
            StoredContent::Event(_) => panic!("an event"),
            StoredContent::Block(block) => block,
        }
    }

    /// Takes entries away, without a trace elsewhere.
    pub(crate) fn remove(&mut self, id: i64, from: u64, to: u64) {
        self.links.retain(|it| it.chain != chain(id) || !(from..=to).contains(&it.sequence));
    }

    /// Gives the later entries of a chain other numbers, as if nothing had happened.
    pub(crate) fn renumber(&mut self, id: i64, from: u64, by: i64) {
        for it in self.links.iter_mut().filter(|it| it.chain == chain(id) && it.sequence >= from) {
            it.sequence = it.sequence.checked_add_signed(by).unwrap();
        }
    }

    /// Reads the entries in the order in which a database would give them.
    pub(crate) fn verify_with(&self, keys: &[&AuditKeys]) -> Report {
        let mut links: Vec<_> = self.links.iter().collect();
        links.sort_by_key(|it| (it.chain, it.sequence));
        let mut verifier = Verifier::new(keys, &self.checkpoints, &self.held);
        for link in links {
            verifier.push(link);
        }
        verifier.finish(&self.heads)
    }

    pub(crate) fn verify(&self) -> Report {
        self.verify_with(&[&keys()])
    }
}

/// A checkpoint that follows another one and lists nothing.
pub(crate) fn empty_checkpoint(keys: &AuditKeys, previous: Option<&Checkpoint>) -> Checkpoint {
    let statement = Statement {
        number: previous.map_or(1, |previous| previous.number() + 1),
        at: time(7),
        previous,
        is_signed: true,
        coverage: &Coverage::default(),
        listed: Vec::new(),
        purged_to: None,
    };
    Checkpoint::make(keys, statement)
}

/// Appends the contents to a new chain.
pub(crate) fn sealed(
    keys: &AuditKeys,
    id: ChainId,
    contents: impl Iterator<Item = StoredContent>,
) -> Vec<StoredLink> {
    let mut chain = Chain::genesis(id, keys);
    contents
        .map(|content| {
            let (sequence, link) = match &content {
                StoredContent::Event(event) => chain.append(keys, &event.payload()),
                StoredContent::Block(block) => chain.append(keys, &block.payload),
            };
            StoredLink { chain: id, sequence, link, content }
        })
        .collect()
}

/// Six blocks of ten decisions.
pub(crate) fn blocks(keys: &AuditKeys, id: ChainId) -> impl Iterator<Item = Block> {
    let mut writer = BlockWriter::new(keys, id, 1);
    (0..6_u64).map(move |block| {
        for number in block * 10..block * 10 + 10 {
            writer.push(&decision(number, &Texts::of(number)));
        }
        writer.finish().unwrap()
    })
}
