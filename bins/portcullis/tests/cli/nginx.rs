//! The file for nginx in `config/deploy`: a real nginx between clients with TLS and the server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustix::process::geteuid;
use serde_json::json;

use crate::PASSWORD;
use crate::book::{ROOT, free_ports};
use crate::machine::{CommandResult, Machine, Server, within};

const NAME: &str = "auth.example.org";
const FOLDER: &str = "/etc/ssl/auth.example.org";

/// The server behind nginx.
struct Front {
    machine: Machine,
    _server: Server,
    nginx: Child,
    tls: String,
    plain: String,
}

impl Drop for Front {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        drop(self.nginx.kill());
        drop(self.nginx.wait());
    }
}

impl Front {
    /// Starts both, with one change of the file.
    fn start(from: &str, to: &str) -> Self {
        let mut machine = Machine::new();
        machine.set("PORTCULLIS__SERVER__BASE_URL", &format!("https://{NAME}"));
        machine.set("TRUSTED_PROXIES", "127.0.0.1");
        machine.create("ada", "msa", &[]).exits_with(0);
        let server = machine.serve();
        let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        machine.write("fullchain.pem", &params.self_signed(&key).unwrap().pem());
        machine.write("privkey.pem", &key.serialize_pem());

        let (listeners, ports) = free_ports();
        let [tls, plain] = [0, 1].map(|it: usize| ports[it].clone());
        let behind = server.announcement["listening"].as_str().unwrap();
        let mut site =
            fs::read_to_string(Path::new(ROOT).join("config/deploy/nginx.conf")).unwrap();
        for (shown, here) in [
            (from, to),
            ("127.0.0.1:8080", behind.strip_prefix("http://").unwrap()),
            ("listen 443 ", &format!("listen 127.0.0.1:{tls} ")),
            ("listen [::]:443 ssl http2;", ""),
            ("listen 80;", &format!("listen 127.0.0.1:{plain};")),
            ("listen [::]:80;", ""),
            (FOLDER, machine.path("").to_str().unwrap()),
        ] {
            assert!(site.contains(shown), "{shown}");
            site = site.replace(shown, here);
        }
        machine.write("site.conf", &site);
        let folder = machine.path("");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        // Only a process of root can change its user.
        let user = if geteuid().is_root() { "user root;" } else { "" };
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|it| format!("{it}_temp_path {}{it};", folder.display()));
        let main = format!(
            "{user} daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
             events {{}} http {{ access_log off; {} include site.conf; }}\n",
            paths.concat()
        );
        let main = machine.write("nginx.conf", &main);
        drop(listeners);
        let nginx = Command::new("/usr/sbin/nginx")
            .args(["-p", folder.to_str().unwrap(), "-c", main.to_str().unwrap()])
            .stderr(fs::File::create(machine.path("nginx.log")).unwrap())
            .spawn()
            .expect("nginx: run the tests with tests/run");
        let front = Self { machine, _server: server, nginx, tls, plain };
        within(Duration::from_secs(30), || {
            TcpStream::connect(format!("127.0.0.1:{}", front.tls)).is_ok()
        });
        front
    }

    fn unchanged() -> Self {
        Self::start("", "")
    }

    /// A client at its own address of the loopback network.
    fn client(&self, path: &str, arguments: &[&str]) -> Command {
        let Self { tls, .. } = self;
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "60", "--interface", "127.0.0.2"])
            .args(["--cacert", self.machine.path("fullchain.pem").to_str().unwrap()])
            .args(["--resolve", &format!("{NAME}:{tls}:127.0.0.1")])
            .args(arguments)
            .arg(format!("https://{NAME}:{tls}{path}"));
        curl
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> CommandResult {
        self.client(path, arguments).output().unwrap().into()
    }

    /// The status of the answer, and the body.
    fn ask(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let answer = self.curl(path, &[&["-w", "\n%{http_code}"], arguments].concat()).stdout;
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// The access token of a sign-in.
    fn sign_in(&self) -> String {
        let body = json!({ "username": "ada", "password": PASSWORD, "delivery": "body" });
        let body = body.to_string();
        let json = ["-H", "content-type: application/json", "-d", &body];
        let (status, answer) = self.ask("/api/auth/login/json", &json);
        assert_eq!(status, "200", "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A stream of revocations, with the events that it has sent so far.
    fn follow(&self, key: &str) -> (Child, BufReader<ChildStdout>) {
        let key = format!("authorization: Bearer {key}");
        let accept = "accept: text/event-stream";
        let mut client = self.client("/api/revocations", &["-N", "-H", &key, "-H", accept]);
        let mut client = client.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let events = BufReader::new(client.stdout.take().unwrap());
        (client, events)
    }

    /// The API key of a service that follows revocations.
    fn service_key(&self) -> String {
        let run = |arguments: &[&str]| self.machine.run(arguments).exits_with(0).stdout;
        let email = "ops@example.org";
        run(&["service", "create", "--username", "shop", "--email", email, "--role", "msa"]);
        let create = ["api-key", "create", "--username", "shop", "--name", "feed", "--json"];
        let created = run(&[&create[..], &["--scope", "revocation:read"]].concat());
        let created: serde_json::Value = serde_json::from_str(&created).unwrap();
        created["key"].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_server_sees_the_client_and_not_the_proxy_nor_what_the_client_claims() {
    let front = Front::unchanged();
    let claim = ["-D", "-", "-H", "x-forwarded-for: 203.0.113.9", "-H", "x-request-id: made-up-id"];
    let body = r#"{"username":"ada","password":"wrong"}"#;
    let json = ["-H", "content-type: application/json", "-d", body];
    let (status, answer) = front.ask("/api/auth/login/json", &[&claim[..], &json].concat());
    assert_eq!(status, "401", "{answer}");
    assert!(answer.starts_with("HTTP/2 401"), "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().trim();
    assert_eq!(id.len(), 32, "{id} is of nginx");

    let events = front.machine.run(&["audit", "export", "--kind", "sign_in"]).exits_with(0).stdout;
    assert!(events.contains(r#""127.0.0.2""#) && events.contains(id), "{events}");
    assert!(!events.contains("203.0.113.9") && !events.contains("127.0.0.1"), "{events}");
}

#[test]
fn nginx_refuses_what_the_server_would_refuse_without_it() {
    // Two requests at a time can be held by a test, 500 only slowly.
    let front = Front::start("portcullis_clients 500", "portcullis_clients 2");
    let url = format!("/api/auth/me?{}", "x".repeat(9_000));
    assert_eq!(front.ask(&url, &[]).0, "414");
    let header = format!("x: {}", "x".repeat(40_000));
    assert_ne!(front.curl("/api/auth/me", &["-f", "-H", &header]).code, 0, "a large head");
    for (bytes, code) in [(4 * 1024 * 1024 + 1, None), (17 * 1024, Some("body_too_large"))] {
        let body = front.machine.write("body", &format!("\"{}\"", "x".repeat(bytes)));
        let body = format!("@{}", body.display());
        let json = ["-H", "content-type: application/json", "--data-binary", &body];
        let (status, answer) = front.ask("/api/auth/login/json", &json);
        assert_eq!(status, "413", "{answer}");
        assert!(code.is_none_or(|code| answer.contains(code)), "{answer}");
    }

    let key = front.service_key();
    let mut held: Vec<_> = [(); 2].into_iter().map(|()| front.follow(&key)).collect();
    for (_, events) in &mut held {
        let mut line = String::new();
        events.read_line(&mut line).unwrap();
        assert!(line.starts_with("id:") || line.starts_with("event:"), "at once: {line}");
    }
    assert_eq!(front.ask("/health/live", &[]).0, "503", "the third request at a time");
    for (mut client, _) in held {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    within(Duration::from_secs(30), || front.ask("/health/live", &[]).0 == "200");
}

#[test]
fn a_person_signs_in_through_nginx_and_out_again() {
    let front = Front::unchanged();
    let bearer = format!("authorization: Bearer {}", front.sign_in());
    assert_eq!(front.ask("/api/auth/me", &["-H", &bearer]).0, "200");
    assert_eq!(front.ask("/api/auth/logout", &["-X", "POST", "-H", &bearer]).0, "204");
    assert_eq!(front.ask("/api/auth/me", &["-H", &bearer]).0, "401");
    let page = front.curl("/console/sign-in", &["--compressed", "-D", "-"]).stdout;
    assert!(page.starts_with("HTTP/2 200") && page.contains("strict-transport-security"), "{page}");
    assert!(!page.contains("content-encoding"), "{page}");
}

#[test]
fn without_tls_only_a_page_leads_to_its_place() {
    let front = Front::unchanged();
    let ask = |path: &str, arguments: &[&str]| {
        let url = format!("http://127.0.0.1:{}{path}", front.plain);
        let format = "%{http_code} %{redirect_url}";
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", format, "-H", &format!("host: {NAME}")]);
        let answer: CommandResult = curl.args(arguments).arg(url).output().unwrap().into();
        answer.stdout
    };
    let page = ask("/console/sign-in?next=x", &[]);
    assert_eq!(page, format!("301 https://{NAME}/console/sign-in?next=x"));
    for path in ["/api/auth/me", "/.well-known/jwks.json", "/health/ready", "/metrics"] {
        assert_eq!(ask(path, &[]), "403 ", "{path}");
    }
    assert_eq!(ask("/console/sign-in", &["-d", "password=x"]), "403 ");
}
