//! The settings in force: every key with its value and source, and no secret.

use portcullis_flows::node::setting::{Setting, SettingSource, SettingValue};

use super::*;

/// A value that no setting has.
const MARKER: &str = "marker-7Kq2Zt9xRm4Wb8Lp";

fn find(settings: &SettingsInForce, key: &str) -> Setting {
    let found = settings.0.iter().find(|setting| setting.key == key);
    found.unwrap_or_else(|| panic!("{key} is not listed")).clone()
}

fn shown(settings: &SettingsInForce, key: &str) -> Option<String> {
    match find(settings, key).value {
        SettingValue::Shown(value) => value,
        SettingValue::Secret { .. } => panic!("{key} is a secret"),
    }
}

#[test]
fn every_key_is_listed_once() {
    let settings = Config::default().settings;
    let keys: Vec<_> = settings.0.iter().map(|setting| setting.key.clone()).collect();
    let mut known: Vec<String> = known_keys("bogus");
    let mut expected = Vec::new();
    while let Some(key) = known.pop() {
        // A section refuses a text, and names its keys; a service is a key of its section.
        let is_section = match key.as_str() {
            "services" => false,
            "risk.weights" => true,
            key => !key.contains('.') && !keys.iter().any(|known| known == key),
        };
        if is_section {
            let members = known_keys(&format!("{key}.bogus"));
            known.extend(members.into_iter().map(|name| format!("{key}.{name}")));
        } else {
            expected.push(key);
        }
    }
    let mut listed = keys;
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

/// A new secret in `raw.rs` fails this test until it is declared as one.
#[test]
fn a_key_that_is_read_as_a_secret_is_listed_as_one_and_every_other_one_shows_its_value() {
    let mut secrets = 0;
    for Setting { key, value, .. } in Config::default().settings.0 {
        let (mut layers, mut findings) = (Layers::default(), Findings::default());
        let key = if key == "services" { "services.scheduling".to_owned() } else { key };
        layers.set_text(&key, MARKER.to_owned(), &mut findings);
        let raw = format!("{:?}", layers.read(&mut findings));
        if !findings.faults.is_empty() {
            assert!(matches!(value, SettingValue::Shown(_)), "{key} takes no text");
            continue;
        }
        let is_secret = !raw.contains(MARKER) || key.starts_with("services.");
        assert_eq!(matches!(value, SettingValue::Secret { .. }), is_secret, "{key}");
        let listed = Config::default().with_settings(&layers, &findings).settings;
        assert_eq!(format!("{listed:?}").contains(MARKER), !is_secret, "{key}");
        if is_secret {
            secrets += 1;
            let name = key.split(".scheduling").next().unwrap();
            let value = find(&listed, name).value;
            assert_eq!(value, SettingValue::Secret { is_set: true }, "{key}");
        }
    }
    assert_eq!(secrets, 9);
}

#[test]
fn with_a_marker_in_every_secret_the_list_has_none_of_it() {
    let marker = |name: &str| format!("{MARKER}-{name}-0123456789abcdefghij");
    let names = [
        "PORTCULLIS__ADMIN__PASSWORD",
        "DATABASE_URL",
        "SMTP_PASSWORD",
        "PORTCULLIS__PASSWORDS__PEPPER",
        "PORTCULLIS__PASSWORDS__PEPPER_PREVIOUS",
        "REDIS_URL",
        "SECRET_KEY",
        "SECRET_KEY_PREVIOUS",
        "PORTCULLIS__SERVICES__SCHEDULING",
    ];
    let given =
        names.into_iter().fold(Given::nothing(), |given, name| given.variable(name, &marker(name)));
    let settings = given.load().config.settings;
    let text = format!("{settings:?}");
    assert!(!text.contains(MARKER), "{text}");
    let set = settings.0.iter().filter(|one| one.value == SettingValue::Secret { is_set: true });
    assert_eq!(set.count(), names.len());
}

#[test]
fn a_value_has_its_source_and_the_environment_is_above_the_file() {
    let given = Given::nothing()
        .file(
            "[server]\ndocs = false\n[tokens]\naccess_minutes = 5\n[sessions]\n\
             absolute_hours_by_role = { admin = 8 }\n[risk.weights]\nnetwork_names = { each = 3 }\n",
        )
        .variable("ACCESS_TOKEN_EXPIRE_MINUTES", "7")
        .variable("CORS_ORIGINS", "https://a.example,https://b.example")
        .secret("pepper", OTHER_KEY)
        .variable("PORTCULLIS__PASSWORDS__PEPPER_FILE", "{dir}/pepper");
    let settings = given.config().settings;
    let (default, file, environment) =
        (SettingSource::Default, SettingSource::File, SettingSource::Environment);
    for (key, value, source) in [
        ("server.docs", Some("false"), file),
        ("tokens.access_minutes", Some("7"), environment),
        ("tokens.refresh_days", Some("7"), default),
        ("server.cors_origins", Some(r#"["https://a.example","https://b.example"]"#), environment),
        ("sessions.absolute_hours_by_role", Some(r#"{"admin":8}"#), file),
        ("risk.weights.network_names", Some(r#"{"each":3,"free":20,"max":40}"#), file),
        ("server.base_url", Some(r#""http://127.0.0.1:8080""#), default),
        ("registration.mode", Some(r#""open""#), default),
        ("audit.retention_days", None, default),
    ] {
        assert_eq!(shown(&settings, key).as_deref(), value, "{key}");
        assert_eq!(find(&settings, key).source, source, "{key}");
    }
    let pepper = find(&settings, "passwords.pepper");
    assert_eq!((pepper.value, pepper.source), (SettingValue::Secret { is_set: true }, environment));
    let other = find(&settings, "tokens.secret_key");
    assert_eq!((other.value, other.source), (SettingValue::Secret { is_set: false }, default));
}
