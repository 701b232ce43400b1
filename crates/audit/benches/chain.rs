//! What recording, verifying and reading cost: `cargo bench -p portcullis-audit`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "samples of a known form")]
#![expect(clippy::print_stdout, reason = "the size is a result as well")]

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_audit::{
    AuditKeys, Block, BlockReader, BlockWriter, Chain, ChainId, CsvWriter, DecisionRecord, Entry,
    EventRecord, Filter, Head, JsonLinesWriter, StoredContent, StoredLink, Verifier,
};
use portcullis_domain::{AccountId, EventId, SessionId, Timestamp};
use uuid::Uuid;

criterion_group!(benches, events, decisions);
criterion_main!(benches);

fn events(criterion: &mut Criterion) {
    let keys = AuditKeys::new([1; 32], [2; 32]);
    let mut chain = Chain::genesis(chain_id(0), &keys);
    let links: Vec<_> = (0..10_000)
        .map(|number| {
            let record = event(number);
            let (sequence, link) = chain.append(&keys, &record.payload());
            StoredLink { chain: chain.id(), sequence, link, content: StoredContent::Event(record) }
        })
        .collect();
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("append", |bencher| {
        bencher.iter(|| {
            let mut chain = Chain::genesis(chain_id(0), &keys);
            for link in &links {
                if let StoredContent::Event(record) = &link.content {
                    black_box(chain.append(&keys, &record.payload()));
                }
            }
        });
    });
    let head = Head { chain: chain.id(), sequence: 10_000, entries: 10_000, link: chain.link() };
    group.bench_function("verify", |bencher| bencher.iter(|| verify(&keys, &links, head)));
    group.finish();
}

fn decisions(criterion: &mut Criterion) {
    let keys = AuditKeys::new([1; 32], [2; 32]);
    for (name, batch) in [("single checks", 1), ("batches of 1000", 1_000)] {
        let samples: Vec<_> = (0..COUNT).map(|number| Sample::new(number, batch)).collect();
        let records: Vec<_> = samples.iter().map(Sample::record).collect();
        let block = write(&keys, &records);
        let bytes = block.payload.len();
        println!("{name}: {bytes} bytes for {COUNT} decisions");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(COUNT));
        group.bench_function("encode", |bencher| bencher.iter(|| write(&keys, &records)));
        group.bench_function("decode", |bencher| bencher.iter(|| decode(&block)));
        group.bench_function("search", |bencher| bencher.iter(|| search(&block)));
        group.bench_function("export as csv", |bencher| bencher.iter(|| csv(&block)));
        group.bench_function("export as json lines", |bencher| bencher.iter(|| json_lines(&block)));
        let mut chain = Chain::genesis(chain_id(16), &keys);
        let (sequence, link) = chain.append(&keys, &block.payload);
        let content = StoredContent::Block(block.clone());
        let links = [StoredLink { chain: chain.id(), sequence, link, content }];
        let head = Head { chain: chain.id(), sequence, entries: COUNT, link };
        group.bench_function("verify", |bencher| bencher.iter(|| verify(&keys, &links, head)));
        group.finish();
    }
}

fn verify(keys: &AuditKeys, links: &[StoredLink], head: Head) {
    let mut verifier = Verifier::new(&[keys], &[], &[]);
    for link in links {
        verifier.push(link);
    }
    let report = verifier.finish(&[head]);
    assert!(report.is_intact(), "{report}");
}

fn write(keys: &AuditKeys, records: &[DecisionRecord<'_>]) -> Block {
    let mut writer = BlockWriter::new(keys, chain_id(16), 1);
    for record in records {
        writer.push(record);
    }
    writer.finish().unwrap()
}

fn decode(block: &Block) {
    let mut reader = BlockReader::new(&block.payload).unwrap();
    while let Some(decision) = reader.read().unwrap() {
        black_box(decision);
    }
}

fn search(block: &Block) {
    let filter = Filter { subject: Some(account(u64::MAX)), ..Filter::default() };
    let mut reader = BlockReader::new(&block.payload).unwrap();
    while let Some((_, decision)) = reader.read().unwrap() {
        black_box(filter.matches_decision(&decision));
    }
}

fn csv(block: &Block) {
    let mut writer = CsvWriter::new(std::io::sink()).unwrap();
    let mut reader = BlockReader::new(&block.payload).unwrap();
    while let Some((id, decision)) = reader.read().unwrap() {
        writer.write(&Entry::of_decision(id, &decision)).unwrap();
    }
}

fn json_lines(block: &Block) {
    let mut writer = JsonLinesWriter::new(std::io::sink());
    let mut reader = BlockReader::new(&block.payload).unwrap();
    while let Some((id, decision)) = reader.read().unwrap() {
        writer.write(&Entry::of_decision(id, &decision)).unwrap();
    }
}

fn event(number: u64) -> EventRecord {
    EventRecord {
        id: EventId::from_uuid(Uuid::from_u128(number.into())),
        at: Timestamp::from_micros(1_800_000_000_000_000 + i64::try_from(number).unwrap()),
        kind: "sign_in".to_owned(),
        actor: account(number % 500).to_string(),
        subject: Some(account(number % 500)),
        session: Some(SessionId::from_uuid(Uuid::from_u128(number.into()))),
        address: format!("192.0.2.{}", number % 250),
        user_agent: Some(USER_AGENTS[0].to_owned()),
        request_id: Some(format!("5f1c9a7e40d2b836-{number:x}")),
        outcome: "success".to_owned(),
        details: None,
    }
}

/// One decision of a mix: 1,000 sessions of 500 accounts, 200 addresses, four kinds of client, 20
/// resources, an owner for every second decision, of 2,000, an id for each request.
struct Sample {
    number: u64,
    batch: u64,
    request_id: String,
    owner: String,
    resource: String,
}

impl Sample {
    fn new(number: u64, batch: u64) -> Self {
        let request = number / batch;
        Self {
            number,
            batch,
            request_id: format!("5f1c9a7e40d2b836-{request:x}"),
            owner: account(number * 7_919 % 2_000).to_string(),
            resource: format!("resource_{}", number % 20),
        }
    }

    fn record(&self) -> DecisionRecord<'_> {
        let (number, request) = (self.number, self.number / self.batch);
        let session = request * 31 % 1_000;
        DecisionRecord {
            at: Timestamp::from_micros(
                1_800_000_000_000_000 + i64::try_from(request * 10).unwrap(),
            ),
            caller: account(session / 2),
            session: Some(SessionId::from_uuid(Uuid::from_u128((session + 9_000).into()))),
            address: IpAddr::from([192, 0, 2, u8::try_from(session % 200).unwrap()]),
            user_agent: Some(USER_AGENTS[usize::try_from(session % 4).unwrap()]),
            request_id: Some(&self.request_id),
            subject: account(session / 2),
            role: ["admin", "coordinator", "faculty", "resident"]
                [usize::try_from(session % 4).unwrap()],
            resource: &self.resource,
            action: ["create", "read", "update", "delete", "approve"]
                [usize::try_from(number % 5).unwrap()],
            owner: (number.is_multiple_of(2)).then_some(&self.owner),
            parties: None,
            attributes: None,
            matrix_version: 7,
            allowed: !number.is_multiple_of(3),
            reason: REASONS[usize::try_from(number % 3).unwrap()],
        }
    }
}

fn account(number: u64) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(
        0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
    ))
}

fn chain_id(id: i64) -> ChainId {
    ChainId::from_i64(id).unwrap()
}

const COUNT: u64 = 60_000;

const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "scheduling-backend/3.2",
];

const REASONS: [&str; 3] = [
    "denied: no grant",
    "granted by coordinator absence approve [not_own] (line 41) via admin > coordinator",
    "granted by faculty schedule read (line 12)",
];
