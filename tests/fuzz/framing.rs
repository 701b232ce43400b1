//! The connection and the HTTP server agree where each request ends, however the bytes arrive.
#![no_main]

use actix_http::ServiceConfig;
use actix_http::h1::{Codec, Message, MessageType};
use libfuzzer_sys::fuzz_target;
use tokio::task::LocalSet;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;

use crate::framing::Framing;

#[path = "../../crates/web/src/transport/chunked.rs"]
mod chunked;
#[path = "../../crates/web/src/transport/framing.rs"]
mod framing;
#[path = "../../crates/web/src/transport/head.rs"]
mod head;

/// The ends of the complete requests that the connection finds, and how many bytes it passes on.
fn follow(bytes: &[u8], piece: usize) -> (Vec<usize>, usize) {
    let (mut framing, mut ends, mut passed) = (Framing::default(), Vec::new(), 0);
    for mut piece in bytes.chunks(piece) {
        while !piece.is_empty() {
            let heads = framing.heads();
            let Ok(taken) = framing.feed(piece) else { return (ends, passed) };
            passed += taken;
            if framing.is_idle() {
                ends.push(passed);
            } else if framing.is_lost() {
                return (ends, passed);
            }
            assert!(taken > 0 && framing.heads() <= heads + 1);
            piece = &piece[taken..];
        }
    }
    (ends, passed)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let (ends, passed) = follow(bytes, bytes.len().max(1));
    assert_eq!(follow(bytes, usize::from(piece).max(1)).0, ends, "{}", bytes.escape_ascii());

    // The HTTP server gets each request alone. It may refuse the head, and then nothing follows.
    let mut begin = 0;
    for end in ends.iter().copied() {
        let mut codec = CONFIG.with(|config| Codec::new(config.clone()));
        let mut request = BytesMut::from(&bytes[begin..end]);
        let Ok(head) = codec.decode(&mut request) else { return };
        assert!(matches!(head, Some(Message::Item(_))), "{}", bytes[begin..end].escape_ascii());
        let mut is_complete = !has_body(&codec);
        while !is_complete {
            match codec.decode(&mut request).expect("the body is valid for both") {
                Some(Message::Chunk(chunk)) => is_complete = chunk.is_none(),
                _ => panic!("the server waits for more: {}", bytes[begin..end].escape_ascii()),
            }
        }
        assert!(
            request.is_empty(),
            "the server ends earlier: {}",
            bytes[begin..end].escape_ascii()
        );
        begin = end;
    }
    assert!(begin <= passed);
});

fn has_body(codec: &Codec) -> bool {
    codec.message_type() != MessageType::None
}

thread_local! {
    /// It starts a task that updates the date, which nothing needs here.
    static CONFIG: ServiceConfig = {
        let tasks = LocalSet::new();
        let _entered = tasks.enter();
        ServiceConfig::default()
    };
}
