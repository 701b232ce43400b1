//! The layout in which this crate writes the claims of an access token, and a fast reader for it.
//!
//! The token of every request is parsed, and a JSON parser takes as long as the signature check,
//! because it examines each character. A payload that this crate wrote can be read from known
//! positions. The reader only gets payloads that a trusted key signed. It accepts exactly one form,
//! in which it finds the same values as the JSON parser, and leaves every other form to that
//! parser.

use portcullis_domain::{AccountKind, AssuranceLevel, AuthenticationMethod};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::payload::AccessPayload;

/// Parses the payload if it has the layout of the serialised [`AccessPayload`] for that issuer and
/// audience.
pub(super) fn read<'a>(json: &'a str, issuer: &str, audience: &str) -> Option<AccessPayload<'a>> {
    let mut rest = UnreadPayload(json);
    let payload = AccessPayload {
        iss: rest.known(r#"{"iss":""#, issuer)?.into(),
        aud: rest.known(r#"","aud":""#, audience)?.into(),
        sub: rest.id(r#"","sub":""#)?.into(),
        jti: rest.id(r#"","jti":""#)?.into(),
        iat: rest.number(r#"","iat":"#)?,
        exp: rest.number(r#","exp":"#)?,
        nbf: None,
        kind_of_token: None,
        sid: rest.text(r#","sid":""#)?.parse().ok()?,
        role: rest.text(r#"","role":""#)?.into(),
        kind: AccountKind::deserialize(word(rest.text(r#"","kind":""#)?)).ok()?,
        acr: rest.level(),
        amr: rest.methods(r#"","amr":"#)?,
        auth_time: rest.number(r#","auth_time":"#)?,
        password_must_change: false,
        factor_required: false,
        networks: None,
    };
    (rest.0 == "}").then_some(payload)
}

/// The unread part of the payload.
struct UnreadPayload<'a>(&'a str);

impl<'a> UnreadPayload<'a> {
    /// Reads a known text after its prefix.
    fn known(&mut self, before: &str, text: &str) -> Option<&'a str> {
        let found = self.text_of(text.len(), before)?;
        (found == text).then_some(found)
    }

    /// Reads an id, or any other text of the same length.
    fn id(&mut self, before: &str) -> Option<&'a str> {
        self.text_of(uuid::fmt::Hyphenated::LENGTH, before)
    }

    fn text_of(&mut self, length: usize, before: &str) -> Option<&'a str> {
        let rest = self.0.strip_prefix(before)?;
        let (text, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        // Without an early exit, so that the compiler can process several bytes at once.
        let plain = text.bytes().fold(true, |plain, byte| plain & is_plain(byte));
        plain.then_some(text)
    }

    /// Reads the text up to the next quotation mark. A text with an escape, or with a character
    /// that must be escaped, is not accepted.
    fn text(&mut self, before: &str) -> Option<&'a str> {
        let rest = self.0.strip_prefix(before)?;
        let end = rest.bytes().position(|byte| !is_plain(byte))?;
        let (text, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        rest.starts_with('"').then_some(text)
    }

    /// Reads a whole number of up to 18 digits, without a sign.
    fn number(&mut self, before: &str) -> Option<i64> {
        let rest = self.0.strip_prefix(before)?;
        let (mut number, mut length) = (0, 0);
        for byte in rest.bytes().take(18).take_while(u8::is_ascii_digit) {
            number = number * 10 + i64::from(byte - b'0');
            length += 1;
        }
        self.0 = rest.get(length..)?;
        // JSON allows neither an empty number nor leading zeros.
        (length > 0 && !rest.starts_with('0')).then_some(number)
    }

    /// Reads the assurance level, which is present if it is not the lowest.
    fn level(&mut self) -> Option<AssuranceLevel> {
        self.0 = self.0.strip_prefix(r#"","acr":"aal2"#)?;
        Some(AssuranceLevel::Aal2)
    }

    /// Reads a list of words, without spaces.
    fn methods(&mut self, before: &str) -> Option<Vec<AuthenticationMethod>> {
        let rest = self.0.strip_prefix(before)?.strip_prefix('[')?;
        let (list, rest) = rest.split_once(']')?;
        self.0 = rest;
        if list.is_empty() {
            return Some(Vec::new());
        }
        let method = |quoted: &str| {
            let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
            let plain = text.bytes().all(is_plain).then_some(text)?;
            AuthenticationMethod::deserialize(word(plain)).ok()
        };
        list.split(',').map(method).collect()
    }
}

/// Returns whether the byte needs no escape in a JSON text (RFC 8259 section 7).
const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

fn word(text: &str) -> StrDeserializer<'_, Error> {
    text.into_deserializer()
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{AccountId, Role, SessionId, SystemRandom, Timestamp, TokenId};
    use proptest::prelude::*;

    use super::*;
    use crate::AccessClaims;
    use crate::jwt::{Kind, SignedKind};
    use crate::payload;

    const ISSUER: &str = "https://auth.example.org";
    const AUDIENCE: &str = "example-api";

    fn claims() -> AccessClaims {
        let now = Timestamp::from_seconds(1_800_000_000);
        AccessClaims {
            subject: AccountId::generate(now, &SystemRandom),
            session: SessionId::generate(now, &SystemRandom),
            token: TokenId::generate(now, &SystemRandom),
            issued_at: now,
            expires_at: Timestamp::from_seconds(1_800_001_800),
            role: Role::parse("clinical_staff").unwrap(),
            kind: AccountKind::User,
            assurance: AssuranceLevel::Aal2,
            authentication_methods: vec![
                AuthenticationMethod::Password,
                AuthenticationMethod::MultipleFactors,
            ],
            authenticated_at: now,
            password_must_change: false,
            factor_required: false,
            networks: None,
        }
    }

    fn written(claims: &AccessClaims) -> String {
        serde_json::to_string(&claims.write(ISSUER, AUDIENCE)).unwrap()
    }

    fn by_layout(json: &str) -> Option<AccessClaims> {
        let payload = read(json, ISSUER, AUDIENCE)?;
        assert!(*payload.iss == *ISSUER && *payload.aud == *AUDIENCE);
        AccessClaims::read(payload).ok()
    }

    fn by_json(json: &str) -> Option<AccessClaims> {
        AccessClaims::read(payload::object(json).ok()?).ok()
    }

    #[test]
    fn what_this_crate_writes_is_read_from_its_place() {
        for kind in [AccountKind::User, AccountKind::Developer, AccountKind::Service] {
            let claims = AccessClaims { kind, ..claims() };
            assert_eq!(by_layout(&written(&claims)), Some(claims));
        }
        let lowest = AccessClaims { assurance: AssuranceLevel::Aal1, ..claims() };
        assert_eq!(by_layout(&written(&lowest)), Some(lowest));
        let none = AccessClaims { authentication_methods: Vec::new(), ..claims() };
        assert_eq!(by_layout(&written(&none)), Some(none));
    }

    #[test]
    fn every_other_form_is_left_to_the_json_parser() {
        let json = written(&claims());
        let must_change = AccessClaims { password_must_change: true, ..claims() };
        let must_enrol = AccessClaims { factor_required: true, ..claims() };
        let bound = AccessClaims { networks: "192.0.2.0/24".parse().ok(), ..claims() };
        let others = [
            written(&bound),
            written(&must_change),
            written(&must_enrol),
            json.replace("aal2", "aal1"),
            json.replace("aal2", "aal9"),
            format!(" {json}"),
            format!("{json} "),
            json.replace(',', ", "),
            json.replace("pwd", r"p\u0077d"),
            json.replace("clinical_staff", r"clinical\u005fstaff"),
            json.replace("1800000000", "-1"),
            json.replace("1800000000", "0"),
            json.replace("\"iat\"", "\"nbf\":1,\"iat\""),
            json.replace("\"sid\"", "\"type\":\"refresh\",\"sid\""),
            json.replace(AUDIENCE, "another"),
            json.replace('}', ",\"newer\":1}"),
        ];
        for other in others {
            assert!(by_layout(&other).is_none(), "{other}");
        }
        for end in 0..json.len() {
            assert!(by_layout(&json[..end]).is_none(), "{end}");
        }
    }

    proptest! {
        /// For every change of a payload, the values from the layout equal the values from JSON.
        #[test]
        fn both_readers_agree(
            position in any::<prop::sample::Index>(),
            length in 0..4_usize,
            put in r#"[\PC"\\{}\[\],:0-9\x00-\x1f]{0,4}"#,
        ) {
            let mut json = written(&claims());
            let start = position.index(json.len());
            let end = (start + length).min(json.len());
            json.replace_range(start..end, &put);
            if let Some(claims) = by_layout(&json) {
                prop_assert_eq!(by_json(&json), Some(claims));
            }
        }
    }
}
