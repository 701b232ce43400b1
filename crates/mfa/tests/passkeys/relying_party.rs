//! What may be a relying party.

use portcullis_mfa::passkey::{RelyingParty, RelyingPartyError};

fn error(id: &str, origins: &[&str]) -> Option<RelyingPartyError> {
    RelyingParty::new(id, "Example", origins).err()
}

#[test]
fn an_id_is_a_domain_in_lower_case() {
    for id in ["example.org", "localhost", "auth.xn--bcher-kva.example", "a1.b-2.c3", "intranet"] {
        assert_eq!(error(id, &[&format!("https://{id}")]), None, "{id}");
    }
    let long = "a".repeat(64);
    let longer = format!("{}.example", ["a".repeat(60).as_str(); 5].join("."));
    for id in [
        "",
        ".",
        "example.org.",
        ".example.org",
        "example..org",
        "-example.org",
        "example-.org",
        "Example.org",
        "bücher.example",
        "exam_ple.org",
        "exam ple.org",
        "example.org:443",
        "https://example.org",
        "127.0.0.1",
        "10.1",
        "1",
        "0x7f.0x1",
        "example.123",
        "[::1]",
        "::1",
        "*.example.org",
        &long,
        &longer,
    ] {
        let origin = format!("https://{id}");
        assert_eq!(
            error(id, &[&origin]),
            Some(RelyingPartyError::InvalidId(id.to_owned())),
            "{id}"
        );
    }
}

#[test]
fn an_origin_is_written_as_browsers_write_it() {
    for origin in [
        "https://example.org",
        "https://auth.example.org",
        "https://a.b.example.org:8443",
        "https://example.org:80",
    ] {
        assert_eq!(error("example.org", &[origin]), None, "{origin}");
    }
    for origin in [
        "",
        "null",
        "example.org",
        "https:example.org",
        "https://",
        "https://example.org/",
        "https://example.org/path",
        "https://example.org?query",
        "https://ada@example.org",
        "https://example.org:",
        "https://example.org:443",
        "https://example.org:0",
        "https://example.org:08443",
        "https://example.org:+8443",
        "https://example.org:65536",
        "https://EXAMPLE.org",
        "HTTPS://example.org",
        "https://127.0.0.1",
        "https://[::1]",
        "wss://example.org",
    ] {
        let expected = Some(RelyingPartyError::InvalidOrigin(origin.to_owned()));
        assert_eq!(error("example.org", &["https://example.org", origin]), expected, "{origin}");
    }
}

#[test]
fn an_origin_is_on_the_domain_or_below_it() {
    for origin in [
        "https://example.com",
        "https://notexample.org",
        "https://org",
        "https://example.org.example.com",
    ] {
        let expected = Some(RelyingPartyError::ForeignOrigin(origin.to_owned()));
        assert_eq!(error("example.org", &[origin]), expected, "{origin}");
    }
    assert_eq!(error("example.org", &[]), Some(RelyingPartyError::NoOrigin));
}

#[test]
fn only_localhost_needs_no_encryption() {
    for origin in ["http://localhost", "http://localhost:8080", "http://auth.localhost:8080"] {
        assert_eq!(error("localhost", &[origin]), None, "{origin}");
    }
    for (id, origin) in [
        ("example.org", "http://example.org"),
        ("notlocalhost", "http://notlocalhost"),
        ("localhost.example.org", "http://localhost.example.org"),
    ] {
        let expected = Some(RelyingPartyError::InsecureOrigin(origin.to_owned()));
        assert_eq!(error(id, &[origin]), expected, "{origin}");
    }
}

#[test]
fn the_host_of_a_base_url_is_the_id() {
    let party = RelyingParty::of_origin("http://localhost:8080", "Example").unwrap();
    assert_eq!(party.id(), "localhost");
    let party = RelyingParty::of_origin("https://auth.example.org", "Example").unwrap();
    assert_eq!(party.id(), "auth.example.org");
    let error = RelyingParty::of_origin("http://127.0.0.1:8080", "Example").unwrap_err();
    assert_eq!(error, RelyingPartyError::InvalidOrigin("http://127.0.0.1:8080".to_owned()));
}
