//! Cache of reasons: the sentence of each matrix entry, composed once.

use std::collections::HashMap;

use crate::access::request_decisions::{AnsweredQuestion, Evaluation, RequestDecisions};

/// The cache. It is emptied when the matrix changes, and when it is full.
#[derive(Default)]
pub(super) struct Reasons {
    version: u32,
    texts: HashMap<u64, String>,
    bytes: usize,
}

impl Reasons {
    pub(super) fn of<'r>(
        &'r mut self,
        batch: &'r RequestDecisions,
        decided: &'r AnsweredQuestion,
    ) -> &'r str {
        let version = batch.matrix.version;
        if self.version != version || self.bytes >= MAX_BYTES {
            *self = Self { version, ..Self::default() };
        }
        match &decided.evaluation {
            Evaluation::Matrix(decision) => {
                self.texts.entry(decision.code()).or_insert_with(|| {
                    let text = batch.matrix.matrix.explain(decision).to_string();
                    self.bytes += text.len() + ENTRY;
                    text
                })
            }
            Evaluation::Refused(reason) => reason,
        }
    }
}

/// Bytes of all sentences. The default matrix has about 100 KiB.
const MAX_BYTES: usize = 4 << 20;

/// Bytes of an entry beside its text, roughly.
const ENTRY: usize = 64;
