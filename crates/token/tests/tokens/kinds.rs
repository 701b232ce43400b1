//! Kinds of tokens: each is accepted by its own verifier and refused by every other, by three checks.

use std::time::Duration;

use crate::forge::{Forgery, KINDS, Kind, NOW, claims_of, secret, settings, sign, verify};
use portcullis_domain::{ExposeSecret, Timestamp};
use portcullis_token::{
    AuthenticationMethod, KeySet, LEEWAY, RefreshClaims, RegisteredClaims, TokenAuthority,
    TokenError, Verifier, VerifyingKey,
};
use serde_json::json;

fn authority() -> TokenAuthority {
    TokenAuthority::new(&secret(), &settings())
}

fn pairs() -> impl Iterator<Item = (Kind, Kind)> {
    KINDS.into_iter().flat_map(|a| KINDS.into_iter().map(move |b| (a, b))).filter(|(a, b)| a != b)
}

#[test]
fn a_token_is_accepted_as_its_own_kind_only() {
    let authority = authority();
    for kind in KINDS {
        assert_eq!(verify(&authority, kind, &sign(&authority, kind), NOW), Ok(()), "{kind:?}");
    }
    for (offered, wanted) in pairs() {
        let verdict = verify(&authority, wanted, &sign(&authority, offered), NOW);
        assert_eq!(verdict, Err(TokenError::WrongKind), "{offered:?} as {wanted:?}");
    }
}

#[test]
fn an_untouched_forgery_is_accepted_so_that_the_refusals_below_mean_something() {
    let authority = authority();
    for kind in KINDS {
        let token = Forgery::of(&authority, kind).token();
        assert_eq!(verify(&authority, kind, &token, NOW), Ok(()), "{kind:?}");
    }
}

#[test]
fn the_header_typ_alone_is_enough_to_refuse() {
    let authority = authority();
    for (other, wanted) in pairs() {
        let mut forgery = Forgery::of(&authority, wanted);
        forgery.header["typ"] = Forgery::of(&authority, other).header["typ"].clone();
        let verdict = verify(&authority, wanted, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::WrongKind), "{other:?} as {wanted:?}");
    }
}

#[test]
fn the_audience_alone_is_enough_to_refuse() {
    let authority = authority();
    for (other, wanted) in pairs() {
        let mut forgery = Forgery::of(&authority, wanted);
        forgery.claims["aud"] = Forgery::of(&authority, other).claims["aud"].clone();
        let verdict = verify(&authority, wanted, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::WrongAudience), "{other:?} as {wanted:?}");
    }
}

#[test]
fn the_key_alone_is_enough_to_refuse() {
    let authority = authority();
    for (other, wanted) in pairs() {
        let mut forgery = Forgery::of(&authority, wanted);
        forgery.key = other.key();
        let verdict = verify(&authority, wanted, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::BadSignature), "{other:?} as {wanted:?}");

        forgery.header["kid"] = Forgery::of(&authority, other).header["kid"].clone();
        let verdict = verify(&authority, wanted, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::UnknownKey), "{other:?} as {wanted:?}");
    }
}

#[test]
fn the_claim_type_alone_is_enough_to_refuse() {
    let authority = authority();
    let types = [None, Some("refresh"), Some("device"), Some("access"), Some("")];
    for kind in KINDS {
        let own = Forgery::of(&authority, kind).claims.get("type").cloned();
        for other in types.into_iter().filter(|other| other.map(|o| json!(o)) != own) {
            let mut forgery = Forgery::of(&authority, kind);
            forgery.claims.remove("type");
            if let Some(other) = other {
                forgery.claims.insert("type".into(), json!(other));
            }
            let verdict = verify(&authority, kind, &forgery.token(), NOW);
            assert_eq!(verdict, Err(TokenError::WrongKind), "{other:?} in {kind:?}");
        }
    }
}

#[test]
fn the_token_says_what_its_kind_is_known_by() {
    let authority = authority();
    let known = |kind| {
        let Forgery { header, claims, .. } = Forgery::of(&authority, kind);
        (header["typ"].clone(), claims["aud"].clone(), claims.get("type").cloned())
    };
    assert_eq!(known(Kind::Access), (json!("at+jwt"), json!("api"), None));
    let refresh = (json!("rt+jwt"), json!("api/refresh"), Some(json!("refresh")));
    assert_eq!(known(Kind::Refresh), refresh);
    assert_eq!(known(Kind::Device), (json!("dt+jwt"), json!("api/device"), Some(json!("device"))));
}

/// Computed apart, with Python's standard library. A change here ends every session at an upgrade,
/// and nodes of two versions would answer the 10-second rule with different successors.
#[test]
fn a_refresh_token_is_the_same_in_every_version() {
    let id = |last: &str| format!("01890a5d-ac96-774b-bcce-b302099a80{last}");
    let token = authority().sign_refresh(&RefreshClaims {
        subject: id("01").parse().unwrap(),
        session: id("02").parse().unwrap(),
        token: id("03").parse().unwrap(),
        issued_at: NOW,
        expires_at: NOW + Kind::Refresh.lifetime(),
    });
    let expected = "eyJhbGciOiJIUzI1NiIsInR5cCI6InJ0K2p3dCIsImtpZCI6InFKX0RjOW9YaHdQUXVBbmMifQ.eyJpc3MiOiJod\
        HRwczovL2F1dGguZXhhbXBsZS50ZXN0IiwiYXVkIjoiYXBpL3JlZnJlc2giLCJzdWIiOiIwMTg5MGE1ZC1hYzk2L\
        Tc3NGItYmNjZS1iMzAyMDk5YTgwMDEiLCJqdGkiOiIwMTg5MGE1ZC1hYzk2LTc3NGItYmNjZS1iMzAyMDk5YTgwM\
        DMiLCJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDYwNDgwMCwidHlwZSI6InJlZnJlc2giLCJzaWQiOiIwMTg5M\
        GE1ZC1hYzk2LTc3NGItYmNjZS1iMzAyMDk5YTgwMDIifQ.F8YqzWRv5RzIDvEveTn9KST2DOFr_wUVWTMnkpBh8_\
        M";
    assert_eq!(token.expose_secret(), expected);
}

#[test]
fn an_access_token_carries_these_claims_and_no_more() {
    let claims = claims_of(sign(&authority(), Kind::Access).as_str());
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["amr", "aud", "auth_time", "exp", "iat", "iss", "jti", "kind", "role", "sid", "sub"]
    );
}

#[test]
fn the_lifetimes_are_those_it_was_built_with() {
    assert_eq!(authority().lifetimes(), settings().lifetimes);
}

#[test]
fn a_token_lives_from_its_issue_to_its_end_give_or_take_the_leeway() {
    let authority = authority();
    for kind in KINDS {
        let token = sign(&authority, kind);
        let end = NOW + kind.lifetime();
        let second = Duration::from_secs(1);
        let at = |time: Timestamp| verify(&authority, kind, &token, time);
        assert_eq!(at(NOW - LEEWAY - second), Err(TokenError::NotYetValid), "{kind:?}");
        assert_eq!(at(NOW - LEEWAY), Ok(()), "{kind:?}");
        assert_eq!(at(end + LEEWAY - second), Ok(()), "{kind:?}");
        assert_eq!(at(end + LEEWAY), Err(TokenError::Expired), "{kind:?}");
    }
}

#[test]
fn an_expired_token_still_says_what_it_said_to_who_asks_for_that_and_no_other_does() {
    let authority = authority();
    let long_after = NOW + Duration::from_secs(365 * 24 * 60 * 60);
    let access = |token: &str, now| authority.verify_expired_access(token, now).map(drop);
    let refresh = |token: &str, now| authority.verify_expired_refresh(token, now).map(drop);
    let [a, r] = [Kind::Access, Kind::Refresh].map(|kind| sign(&authority, kind));
    assert_eq!([access(&a, long_after), refresh(&r, long_after)], [Ok(()), Ok(())]);
    assert_eq!(access(&r, long_after), Err(TokenError::WrongKind));
    assert_eq!(refresh(&a, long_after), Err(TokenError::WrongKind));
    assert_eq!(access(&a, NOW - 2 * LEEWAY), Err(TokenError::NotYetValid));
    let mut forgery = Forgery::of(&authority, Kind::Access);
    forgery.key = [0; 32];
    assert_eq!(access(&forgery.token(), long_after), Err(TokenError::BadSignature));
    let mut forgery = Forgery::of(&authority, Kind::Access);
    forgery.claims["iss"] = json!("https://evil.example");
    assert_eq!(access(&forgery.token(), long_after), Err(TokenError::WrongIssuer));
}

#[test]
fn a_lifetime_beyond_that_of_the_kind_is_refused_and_so_is_an_inverted_one() {
    let authority = authority();
    for kind in KINDS {
        let mut forgery = Forgery::of(&authority, kind);
        let longest = i64::try_from(kind.lifetime().as_secs()).unwrap();
        for (lifetime, expected) in [
            (longest, Ok(())),
            (longest + 1, Err(TokenError::WrongLifetime)),
            (i64::MAX - NOW.as_seconds(), Err(TokenError::WrongLifetime)),
            (0, Err(TokenError::WrongLifetime)),
            (-3, Err(TokenError::WrongLifetime)),
        ] {
            forgery.claims["exp"] = json!(NOW.as_seconds() + lifetime);
            assert_eq!(verify(&authority, kind, &forgery.token(), NOW), expected, "{lifetime}");
        }
        forgery.claims["exp"] = json!(i64::MAX);
        forgery.claims["iat"] = json!(i64::MIN);
        let verdict = verify(&authority, kind, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::WrongLifetime));
    }
}

#[test]
fn a_claim_that_is_missing_or_of_another_type_is_refused() {
    let authority = authority();
    for kind in KINDS {
        for claim in Forgery::of(&authority, kind).claims.keys() {
            let mut forgery = Forgery::of(&authority, kind);
            forgery.claims.remove(claim);
            assert!(verify(&authority, kind, &forgery.token(), NOW).is_err(), "no {claim}");
            for value in [json!(null), json!({}), json!([[]]), json!(1.5), json!(true), json!("")] {
                let mut forgery = Forgery::of(&authority, kind);
                forgery.claims[claim] = value.clone();
                let verdict = verify(&authority, kind, &forgery.token(), NOW);
                assert!(verdict.is_err(), "{kind:?} {claim}: {value}");
            }
        }
    }
}

#[test]
fn nbf_is_honoured_and_unknown_claims_are_ignored() {
    let authority = authority();
    for kind in KINDS {
        let mut forgery = Forgery::of(&authority, kind);
        forgery.claims.insert("from_a_newer_version".into(), json!({"deep": [1]}));
        forgery.claims.insert("nbf".into(), json!(NOW.as_seconds() + 5));
        assert_eq!(verify(&authority, kind, &forgery.token(), NOW), Ok(()));
        forgery.claims["nbf"] = json!(NOW.as_seconds() + 6);
        let verdict = verify(&authority, kind, &forgery.token(), NOW);
        assert_eq!(verdict, Err(TokenError::NotYetValid));
        forgery.claims["nbf"] = json!(null);
        assert_eq!(verify(&authority, kind, &forgery.token(), NOW), Err(TokenError::Malformed));
    }
}

#[test]
fn a_method_that_this_version_does_not_know_is_no_reason_to_refuse() {
    let authority = authority();
    let mut forgery = Forgery::of(&authority, Kind::Access);
    forgery.claims["amr"] = json!(["pwd", "otp", "mfa", "retina"]);
    let claims = authority.verify_access(&forgery.token(), NOW).unwrap();
    let expected = [
        AuthenticationMethod::Password,
        AuthenticationMethod::OneTimePassword,
        AuthenticationMethod::MultipleFactors,
        AuthenticationMethod::Other,
    ];
    assert_eq!(claims.authentication_methods, expected);
}

#[test]
fn the_registered_claims_alone_can_be_read_but_not_without_subject_and_name() {
    let elsewhere = Verifier::<RegisteredClaims>::new(
        KeySet::from(VerifyingKey::hs256(&Kind::Access.key())),
        &settings().issuer,
        &settings().audience,
        settings().lifetimes.access,
    );
    let mut forgery = Forgery::of(&authority(), Kind::Access);
    forgery.claims["sub"] = json!("a \"user\" of another issuer");
    let claims = elsewhere.verify(&forgery.token(), NOW).unwrap();
    assert_eq!(claims.subject, "a \"user\" of another issuer");
    for claim in ["sub", "jti"] {
        let mut forgery = Forgery::of(&authority(), Kind::Access);
        forgery.claims[claim] = json!("");
        assert_eq!(elsewhere.verify(&forgery.token(), NOW), Err(TokenError::Malformed));
    }
}

#[test]
fn a_previous_secret_still_verifies_while_it_is_being_replaced() {
    let (old, new) = (secret(), crate::forge::another_secret());
    let before = TokenAuthority::new(&old, &settings());
    let after = TokenAuthority::new(&new, &settings());
    let during = TokenAuthority::new(&new, &settings()).accepting(&old);
    for kind in KINDS {
        let (first, second) = (sign(&before, kind), sign(&during, kind));
        assert_eq!(verify(&during, kind, &first, NOW), Ok(()));
        assert_eq!(verify(&during, kind, &second, NOW), Ok(()));
        assert_eq!(verify(&after, kind, &second, NOW), Ok(()));
        assert_eq!(verify(&after, kind, &first, NOW), Err(TokenError::UnknownKey));
    }
}

#[test]
fn neither_errors_nor_debug_output_tell_token_or_key() {
    let authority = authority();
    let token = authority.sign_access(&crate::forge::access_claims());
    let broken = format!("{}x", token.expose_secret());
    let error = authority.verify_access(&broken, NOW).unwrap_err();
    let shown = format!("{error} {error:?} {token:?} {authority:?}");
    let signature = token.expose_secret().rsplit('.').next().unwrap();
    assert!(!shown.contains(signature) && !shown.contains("eyJzd"), "{shown}");
    for kind in KINDS {
        let [first, second, ..] = kind.key();
        assert!(!shown.contains(&format!("{first}, {second}")), "{shown}");
    }
}
