//! Property tests: signed claims are read back, and changed tokens are refused.

use std::time::Duration;

use crate::forge::{KINDS, NOW, secret, settings, sign, verify};
use portcullis_domain::{AccountKind, AssuranceLevel, ExposeSecret, Role, Timestamp};
use portcullis_token::{
    AccessClaims, AuthenticationMethod, KeySet, LEEWAY, Purpose, RefreshClaims, RegisteredClaims,
    TokenAuthority, Verifier, VerifyingKey,
};
use proptest::prelude::*;

fn access_claims() -> impl Strategy<Value = AccessClaims> {
    let methods = prop::sample::subsequence(
        vec![
            AuthenticationMethod::Password,
            AuthenticationMethod::OneTimePassword,
            AuthenticationMethod::MultipleFactors,
        ],
        0..=3,
    );
    let kind =
        prop::sample::select(vec![AccountKind::User, AccountKind::Developer, AccountKind::Service]);
    (
        "[a-z][a-z0-9_]{0,63}",
        kind,
        methods,
        any::<bool>(),
        prop::sample::select(vec![AssuranceLevel::Aal1, AssuranceLevel::Aal2]),
        0..4_000_000_000_i64,
        1..=1_800_u64,
        0..4_000_000_000_i64,
    )
        .prop_map(
            |(
                role,
                kind,
                methods,
                must_change,
                assurance,
                issued_at,
                lifetime,
                authenticated_at,
            )| {
                let issued_at = Timestamp::from_seconds(issued_at);
                AccessClaims {
                    issued_at,
                    expires_at: issued_at + Duration::from_secs(lifetime),
                    role: Role::parse(&role).unwrap(),
                    kind,
                    assurance,
                    authentication_methods: methods,
                    authenticated_at: Timestamp::from_seconds(authenticated_at),
                    password_must_change: must_change,
                    factor_required: must_change,
                    ..crate::forge::access_claims()
                }
            },
        )
}

proptest! {
    #[test]
    fn access_claims_survive_signing(claims in access_claims()) {
        let authority = TokenAuthority::new(&secret(), &settings());
        let token = authority.sign_access(&claims);
        let token = token.expose_secret();
        prop_assert_eq!(authority.verify_access(token, claims.issued_at), Ok(claims.clone()));

        let elsewhere = Verifier::<RegisteredClaims>::new(
            KeySet::from(VerifyingKey::hs256(&secret().derive(Purpose::AccessToken))),
            &settings().issuer,
            &settings().audience,
            settings().lifetimes.access,
        );
        let registered = elsewhere.verify(token, claims.issued_at).unwrap();
        prop_assert_eq!(registered.subject, claims.subject.to_string());
        prop_assert_eq!(registered.token, claims.token.to_string());
        prop_assert_eq!(registered.issued_at, claims.issued_at);
        prop_assert_eq!(registered.expires_at, claims.expires_at);
    }

    #[test]
    fn equal_claims_give_equal_tokens_and_fractions_of_a_second_do_not_count(
        claims in access_claims(),
        micros in 0..1_000_000_u64,
    ) {
        let fraction = Duration::from_micros(micros);
        let later = RefreshClaims {
            issued_at: claims.issued_at + fraction,
            expires_at: claims.expires_at + fraction,
            ..crate::forge::refresh_claims()
        };
        let cut = RefreshClaims {
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            ..later.clone()
        };
        let sign = |claims| {
            let authority = TokenAuthority::new(&secret(), &settings());
            authority.sign_refresh(claims).expose_secret().to_owned()
        };
        prop_assert_eq!(sign(&later), sign(&cut));
        let verdict = TokenAuthority::new(&secret(), &settings())
            .verify_refresh(&sign(&later), claims.issued_at);
        prop_assert_eq!(verdict, Ok(cut));
    }

    #[test]
    fn no_token_is_accepted_outside_its_time(claims in access_claims(), now in any::<i32>()) {
        let authority = TokenAuthority::new(&secret(), &settings());
        let token = authority.sign_access(&claims);
        let now = Timestamp::from_seconds(i64::from(now) * 2);
        let in_time = claims.issued_at <= now + LEEWAY && now < claims.expires_at + LEEWAY;
        prop_assert_eq!(authority.verify_access(token.expose_secret(), now).is_ok(), in_time);
    }

    #[test]
    fn no_text_makes_a_verifier_panic(text in "\\PC*", parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){2}") {
        let authority = TokenAuthority::new(&secret(), &settings());
        for kind in KINDS {
            prop_assert!(verify(&authority, kind, &text, NOW).is_err());
            prop_assert!(verify(&authority, kind, &parts, NOW).is_err());
        }
    }
}

#[test]
fn a_token_with_any_one_bit_flipped_is_refused() {
    let authority = TokenAuthority::new(&secret(), &settings());
    for kind in KINDS {
        let token = sign(&authority, kind);
        for position in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8_lossy(&bytes);
                let verdict = verify(&authority, kind, &changed, NOW);
                assert!(verdict.is_err(), "{kind:?}, byte {position}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_token_cut_short_or_made_longer_is_refused() {
    let authority = TokenAuthority::new(&secret(), &settings());
    for kind in KINDS {
        let token = sign(&authority, kind);
        for length in 0..token.len() {
            assert!(verify(&authority, kind, &token[..length], NOW).is_err(), "{length}");
        }
        for addition in ["A", "AA", "AAAA", "=", ".", " ", "\n", "\0"] {
            let longer = format!("{token}{addition}");
            assert!(verify(&authority, kind, &longer, NOW).is_err(), "{addition:?}");
        }
    }
}
