//! Any bytes are read to an end, and what can be read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_audit::{AuditKeys, Block, BlockReader, BlockWriter};

fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = Block::from_payload(bytes.to_vec()) else { return };
    let keys = AuditKeys::new([1; 32], [2; 32]);
    let mut writer = BlockWriter::new(&keys, block.chain, block.first_ordinal);
    let mut reader = BlockReader::new(bytes).expect("it has a header");
    let mut read = Vec::new();
    while let Ok(Some((id, decision))) = reader.read() {
        assert_eq!(writer.push(&decision), id);
        read.push(format!("{decision:?}"));
    }
    assert!(read.len() <= bytes.len());
    let Some(again) = writer.finish() else { return };
    let mut reader = BlockReader::new(&again.payload).expect("it was just written");
    for expected in &read {
        let (_, decision) = reader.read().expect("it was just written").expect("as many as before");
        assert_eq!(format!("{decision:?}"), *expected);
    }
    assert!(reader.read().expect("it was just written").is_none());
});
