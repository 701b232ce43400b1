//! Rate of two nodes that deliver a long outbox, beside the same mails without an outbox.
//!
//! `tests/run --exec cargo bench -p portcullis-mail --bench drain` measures both databases with a mail server over
//! STARTTLS in the same process. An argument after `--` is the number of mails, 100,000 by default.
//! It fails if a mail is missing or was sent twice.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark for a terminal"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{MessageId, SystemRandom};
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::identity::registration::{NewAccount, RegistrationStore};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    ClaimedMessage, DeliverySettings, MailDelivery, MailSender, OutboxStore, OutgoingMail,
};
use portcullis_mail::{
    Encryption, Mailer, MailerSettings, Sender, SmtpSettings, Templates, Transport,
};
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{SmtpServer, TestDatabase};

const SENDERS: usize = 4;

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok());
    let count: usize = count.unwrap_or(100_000);
    println!("| database | mails | 2 nodes, {SENDERS} senders each | without an outbox | ratio |");
    println!("|---|---|---|---|---|");
    for (name, database) in
        [("SQLite", TestDatabase::sqlite()), ("PostgreSQL", TestDatabase::postgres())]
    {
        let direct = without_outbox(&database, (count / 10).max(1));
        let drained = drained(&database, count);
        let ratio = drained / direct;
        println!("| {name} | {count} | {drained:.0}/s | {direct:.0}/s | {ratio:.2} |");
    }
}

/// Mails per second of two nodes that share the outbox of this database.
fn drained(database: &TestDatabase, count: usize) -> f64 {
    let server = SmtpServer::start();
    queue(database, count);
    let nodes = [(); 2].map(|()| {
        let settings = DeliverySettings { concurrency: SENDERS, ..DeliverySettings::default() };
        let (store, sender) = (Arc::new(database.connect()), Arc::new(mailer(&server)));
        Arc::new(MailDelivery::new(store, sender, settings, database.ambient()))
    });
    let begun = Instant::now();
    thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| deliver_all(node, database));
        }
    });
    let rate = rate(count, begun.elapsed());
    let mut received = HashMap::new();
    for mail in server.received() {
        *received.entry(mail.header("Message-ID").unwrap()).or_insert(0) += 1;
    }
    assert_eq!(received.len(), count, "a mail is missing");
    assert!(received.values().all(|times| *times == 1), "a mail was sent twice");
    rate
}

/// Delivers until nothing waits. The clock stands, so the lease of a batch that failed would never end.
fn deliver_all(node: &Arc<MailDelivery>, database: &TestDatabase) {
    loop {
        let batch = node.deliver().unwrap();
        if batch.more {
            continue;
        }
        if database.store().outbox_state().unwrap().waiting == 0 {
            return;
        }
        thread::yield_now();
    }
}

/// Mails per second of as many senders, without a database.
fn without_outbox(database: &TestDatabase, count: usize) -> f64 {
    let server = SmtpServer::start();
    let senders = [(); 2].map(|()| mailer(&server));
    let next = AtomicUsize::new(0);
    let account = samples::account("grace");
    let begun = Instant::now();
    thread::scope(|scope| {
        for sender in senders.iter().flat_map(|sender| [sender; SENDERS]) {
            let (next, account, ambient) = (&next, &account, database.ambient());
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    let message = ClaimedMessage {
                        id: MessageId::generate(NOW, &SystemRandom),
                        recipient: account.email.clone(),
                        username: Some(account.username.as_str().to_owned()),
                        at: NOW,
                        mail: Mail::Test,
                        subject: None,
                        attempts: 0,
                    };
                    let mail = OutgoingMail { message: &message, secret: None, now: ambient.now() };
                    sender.send(&mail).unwrap();
                }
            });
        }
    });
    rate(count, begun.elapsed())
}

fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / time.as_secs_f64()
}

/// Puts this many mails to one account into the outbox.
fn queue(database: &TestDatabase, count: usize) {
    let account = samples::account("ada");
    let event = samples::event(EventKind::Registration, Outcome::Success, NOW).about(account.id);
    let new = NewAccount {
        account: &account,
        password_hash: Some(&samples::password_hash()),
        revision: 0,
        effects: &event.into(),
        must_verify_email: false,
    };
    database.store().create(&new).unwrap();
    let mut left = count;
    while left > 0 {
        let batch = left.min(1_000);
        let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW);
        let recipient = Recipient::Holder(account.id);
        let message = || Message::about(&event, recipient.clone(), Mail::Test, &SystemRandom);
        let messages = (0..batch).map(|_| message()).collect();
        let effects = Effects { events: vec![event.clone()], messages };
        database.store().append_effects(effects).unwrap();
        left -= batch;
    }
}

fn mailer(server: &SmtpServer) -> Mailer {
    const TIMEOUT: Duration = Duration::from_secs(20);
    let smtp = SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port(),
        encryption: Encryption::StartTls,
        ca_file: Some(server.certificates().root_file()),
        credentials: None,
        connect_timeout: TIMEOUT,
        delivery_timeout: TIMEOUT,
        connections: SENDERS,
    };
    let sender = Sender::new("Example", "auth@example.org").unwrap();
    let templates = Templates::load(None, "Example", "https://auth.example.org").unwrap();
    let transport = Transport::Smtp(smtp);
    Mailer::new(MailerSettings { sender, templates: Arc::new(templates), transport }).unwrap()
}
