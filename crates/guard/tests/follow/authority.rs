//! A fake authority in this process: it signs, publishes and revokes as the server does, with failures on
//! demand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use futures_util::stream;
use portcullis_guard::domain::{
    AccountId, AccountKind, ApiKeyId, AssuranceLevel, Clock, ExposeSecret, Role, SecretString,
    SessionId, SystemRandom, Timestamp, TokenId,
};
use portcullis_guard::token::{
    AccessClaims, AccessKeys, ApiKey, JsonWebKeySet, KeyPair, KeyPairAlgorithm, Lifetimes,
    PublicKey, Revocation, RevocationEntry, SecretKey, SnapshotClaims, TokenAuthority,
    TokenSettings,
};
use portcullis_guard::{Guard, GuardBuilder, WhenStale};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How old the last word may be. The time of these tests stands still unless they move it, so that a
/// slow machine makes nothing look stale.
pub(crate) const STALE: Duration = Duration::from_secs(10);

/// A clock that is moved by hand, from a moment long past.
#[derive(Default)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// The server, with its received requests.
pub(crate) struct Authority {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) state: Data<State>,
    pub(crate) origin: String,
    server: ServerHandle,
}

#[derive(Default)]
pub(crate) struct RequestCounts {
    pub(crate) keys: u32,
    pub(crate) snapshots: u32,
    /// The form of each question about an API key.
    pub(crate) introspections: Vec<String>,
    /// The cursor of each connection to the feed.
    pub(crate) cursors: Vec<String>,
}

pub(crate) struct State {
    clock: Arc<ManualClock>,
    tokens: TokenAuthority,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    published: Vec<PublicKey>,
    entries: Vec<RevocationEntry>,
    streams: Vec<UnboundedSender<Bytes>>,
    pub(crate) asked: RequestCounts,
    /// The answers about API keys; for all others it is that they are inactive.
    pub(crate) api_keys: HashMap<String, Value>,
    /// No question about an API key is answered.
    pub(crate) is_hanging: bool,
    /// Nothing answers, and streams end.
    pub(crate) is_down: bool,
    /// Streams go on and say nothing.
    pub(crate) is_silent: bool,
    /// When it last heard its database, if that was not just now.
    pub(crate) as_of: Option<Timestamp>,
    /// How often it said that it lives.
    pub(crate) beats: u64,
    /// Cursors before this are too old.
    pub(crate) purged_through: usize,
    /// What becomes of the text of a snapshot on its way.
    pub(crate) tamper: fn(String) -> String,
}

impl State {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Authority {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let secret = SecretKey::parse(&SecretString::from("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU"));
        let life = Duration::from_secs(1_800);
        let lifetimes = Lifetimes { access: life, refresh: life, device: life };
        let settings =
            TokenSettings { issuer: origin.clone(), audience: "api".to_owned(), lifetimes };
        let inner = Inner {
            published: Vec::new(),
            entries: Vec::new(),
            streams: Vec::new(),
            asked: RequestCounts::default(),
            api_keys: HashMap::new(),
            is_hanging: false,
            is_down: false,
            is_silent: false,
            as_of: None,
            beats: 0,
            purged_through: 0,
            tamper: |text| text,
        };
        let tokens = TokenAuthority::new(&secret.unwrap(), &settings);
        let clock = Arc::new(ManualClock::default());
        let state = Data::new(State { clock: clock.clone(), tokens, inner: Mutex::new(inner) });
        let shared = state.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/.well-known/jwks.json", web::get().to(keys))
                .route("/api/revocations/snapshot", web::get().to(snapshot))
                .route("/api/revocations", web::get().to(feed))
                .route("/api/auth/introspect", web::post().to(introspect))
        };
        let server =
            HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let authority = Self { clock, state, origin, server: server.handle() };
        actix_web::rt::spawn(server);
        authority.rotate(KeyPairAlgorithm::EdDsa, true);
        actix_web::rt::spawn(beat(authority.state.clone()));
        authority
    }

    /// Signs with a new key from now on, and publishes it too or not.
    pub(crate) fn rotate(&self, algorithm: KeyPairAlgorithm, publish: bool) {
        let pair = KeyPair::generate(algorithm, &SystemRandom);
        let mut inner = self.state.inner();
        if publish {
            inner.published.push(pair.public());
        }
        let verifying = inner.published.clone();
        self.state.tokens.use_access_keys(AccessKeys {
            signing: Some(pair),
            verifying,
            shared: Vec::new(),
        });
    }

    /// Somebody's access token, and its session.
    pub(crate) fn token(&self) -> (String, SessionId) {
        let now = self.clock.now();
        let session = SessionId::generate(now, &SystemRandom);
        let token = self.state.tokens.sign_access(&AccessClaims {
            subject: AccountId::generate(now, &SystemRandom),
            session,
            token: TokenId::generate(now, &SystemRandom),
            issued_at: now,
            expires_at: now + Duration::from_secs(600),
            role: Role::parse("faculty").unwrap(),
            kind: AccountKind::User,
            assurance: AssuranceLevel::Aal1,
            authentication_methods: Vec::new(),
            authenticated_at: now,
            password_must_change: false,
            factor_required: false,
            networks: None,
        });
        (token.expose_secret().to_owned(), session)
    }

    /// A new API key with this scope, of a service with this role, that ends in an hour.
    pub(crate) fn api_key(&self, role: &str, scope: &str) -> ApiKey {
        let now = self.clock.now();
        let key = ApiKey::generate(ApiKeyId::generate(now, &SystemRandom), &SystemRandom);
        let answer = json!({
            "active": true, "token_type": "api_key", "iss": self.origin,
            "sub": AccountId::generate(now, &SystemRandom), "key_id": key.id(), "scope": scope,
            "iat": now.as_seconds(), "exp": now.as_seconds() + 3_600, "role": role,
            "kind": "service", "password_must_change": false,
        });
        self.state.inner().api_keys.insert(key.expose().to_owned(), answer);
        key
    }

    /// The number of questions about API keys.
    pub(crate) fn introspections(&self) -> usize {
        self.state.inner().asked.introspections.len()
    }

    /// Ends a session; those who follow hear of it at once.
    pub(crate) fn revoke(&self, session: SessionId) {
        let until = self.clock.now() + Duration::from_secs(600);
        let entry = RevocationEntry { revocation: Revocation::Session(session), until };
        let mut inner = self.state.inner();
        inner.entries.push(entry);
        let event = revoked(&[entry], inner.entries.len());
        inner.send(&event);
    }

    /// Ends every connection to the feed.
    pub(crate) fn hang_up(&self) {
        self.state.inner().streams.clear();
    }

    /// Whether somebody reads the feed, as far as was noticed at the last event.
    pub(crate) fn has_followers(&self) -> bool {
        !self.state.inner().streams.is_empty()
    }

    pub(crate) fn builder(&self) -> GuardBuilder {
        Guard::builder(&self.origin, "api")
            .credential("scheduling", "open sesame")
            .when_stale(WhenStale::Refuse, STALE)
            .clock(self.clock.clone())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Inner {
    fn send(&mut self, event: &str) {
        if !self.is_silent {
            let bytes = Bytes::copy_from_slice(event.as_bytes());
            self.streams.retain(|stream| stream.send(bytes.clone()).is_ok());
        }
    }
}

async fn beat(state: Data<State>) {
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut inner = state.inner();
        let event = heartbeat(&state, &inner);
        inner.send(&event);
        inner.beats += 1;
    }
}

fn heartbeat(state: &State, inner: &Inner) -> String {
    let as_of = inner.as_of.unwrap_or_else(|| state.clock.now());
    let data = json!({ "as_of": as_of, "cursor": cursor(inner.entries.len()) });
    format!("event: heartbeat\ndata: {data}\n\n")
}

fn revoked(entries: &[RevocationEntry], position: usize) -> String {
    let data = serde_json::to_string(entries).unwrap();
    format!("id: {}\nevent: revoked\ndata: {data}\n\n", cursor(position))
}

fn cursor(position: usize) -> String {
    if position == 0 { "0".to_owned() } else { format!("{position}.0000002a") }
}

async fn keys(state: Data<State>) -> HttpResponse {
    let mut inner = state.inner();
    inner.asked.keys += 1;
    if inner.is_down {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let set = JsonWebKeySet::new(inner.published.clone());
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "max-age=300")).body(set.to_json())
}

async fn snapshot(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let mut inner = state.inner();
    inner.asked.snapshots += 1;
    if inner.is_down {
        return HttpResponse::ServiceUnavailable().finish();
    }
    if !is_known(&request) {
        return HttpResponse::Unauthorized().finish();
    }
    let lines: String =
        inner.entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect();
    let now = state.clock.now();
    let signed = state.tokens.sign_snapshot(&SnapshotClaims {
        cursor: cursor(inner.entries.len()),
        entries: u64::try_from(inner.entries.len()).unwrap(),
        digest: Sha256::digest(&lines).into(),
        issued_at: now,
        expires_at: now + SnapshotClaims::LIFETIME,
    });
    let whole = format!("{lines}{}\n", json!({ "signed": signed.expose_secret() }));
    HttpResponse::Ok().body((inner.tamper)(whole))
}

async fn introspect(state: Data<State>, request: HttpRequest, form: String) -> HttpResponse {
    let (answer, is_hanging, is_down) = {
        let mut inner = state.inner();
        let key = form.strip_prefix("token=").unwrap().split('&').next().unwrap().to_owned();
        inner.asked.introspections.push(form);
        let inactive = json!({ "active": false });
        let answer = inner.api_keys.get(&key).cloned().unwrap_or(inactive);
        (answer, inner.is_hanging, inner.is_down)
    };
    if is_hanging {
        std::future::pending::<()>().await;
    }
    match is_known(&request) {
        _ if is_down => HttpResponse::ServiceUnavailable().finish(),
        true => HttpResponse::Ok().json(answer),
        false => HttpResponse::Unauthorized().finish(),
    }
}

#[derive(Deserialize)]
struct After {
    after: String,
}

async fn feed(state: Data<State>, request: HttpRequest, query: Query<After>) -> HttpResponse {
    let mut inner = state.inner();
    inner.asked.cursors.push(query.after.clone());
    if inner.is_down {
        return HttpResponse::ServiceUnavailable().finish();
    }
    if !is_known(&request) {
        return HttpResponse::Unauthorized().finish();
    }
    let position: usize = query.after.split('.').next().unwrap().parse().unwrap();
    if position < inner.purged_through {
        return HttpResponse::Gone().finish();
    }
    let (sender, receiver) = unbounded_channel();
    let missed = inner.entries.get(position..).unwrap_or_default();
    if !missed.is_empty() {
        sender.send(Bytes::from(revoked(missed, inner.entries.len()))).unwrap();
    }
    if !inner.is_silent {
        sender.send(Bytes::from(heartbeat(&state, &inner))).unwrap();
    }
    inner.streams.push(sender);
    let events = stream::unfold(receiver, |mut receiver| async {
        Some((Ok::<_, actix_web::Error>(receiver.recv().await?), receiver))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(events)
}

/// `scheduling:open sesame`
fn is_known(request: &HttpRequest) -> bool {
    let shown = request.headers().get(header::AUTHORIZATION);
    shown.is_some_and(|value| value == "Basic c2NoZWR1bGluZzpvcGVuIHNlc2FtZQ==")
}

/// Waits for what is to happen soon.
pub(crate) async fn eventually(what: impl Fn() -> bool) {
    let patience = Duration::from_secs(20);
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, waiting).await.expect("it happens");
}

/// Whether the guard lets the token in; what it says otherwise.
pub(crate) async fn admit(guard: &Guard, token: &str) -> Result<(), String> {
    let value = format!("Bearer {token}");
    let admitted = guard.admit([value.as_bytes()], None).await;
    admitted.map(drop).map_err(|refusal| refusal.to_string())
}
