//! Access tokens under generated key pairs: verification with the public key, change of keys, and forgeries
//! with the public key.

use crate::forge::{Forgery, KINDS, Kind, NOW, access_claims, hmac_sha256, secret, settings, sign};
use aws_lc_rs::rand::SystemRandom as SignatureRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_domain::{ExposeSecret, SecureRandom, SystemRandom, Timestamp};
use portcullis_token::{
    AccessClaims, AccessKeys, JsonWebKeySet, KeyPair, KeyPairAlgorithm, KeySet, LEEWAY, PublicKey,
    TokenAuthority, TokenError, Verifier, VerifyingKey,
};
use serde_json::{Value, json};

const ALGORITHMS: [KeyPairAlgorithm; 2] = [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256];

/// The private half of all pairs that are forged with.
const PRIVATE: [u8; 32] = [7; 32];

struct Always([u8; 32]);

impl SecureRandom for Always {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }
}

fn pair(algorithm: KeyPairAlgorithm) -> KeyPair {
    KeyPair::generate(algorithm, &Always(PRIVATE))
}

fn authority(pair: KeyPair) -> TokenAuthority {
    let authority = TokenAuthority::new(&secret(), &settings());
    let shared = authority.shared_kids();
    authority.use_access_keys(AccessKeys { signing: Some(pair), verifying: Vec::new(), shared });
    authority
}

/// What another service has: the published document.
fn elsewhere(keys: &JsonWebKeySet) -> Verifier<AccessClaims> {
    let keys = JsonWebKeySet::parse(&keys.to_json()).unwrap();
    Verifier::new(
        keys.keys().iter().collect(),
        &settings().issuer,
        &settings().audience,
        settings().lifetimes.access,
    )
}

fn of(pair: &KeyPair) -> Verifier<AccessClaims> {
    elsewhere(&JsonWebKeySet::new([pair.public()]))
}

/// A signature made without the code under test.
fn signature(public: &PublicKey, message: &[u8]) -> Vec<u8> {
    match public.algorithm() {
        KeyPairAlgorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_seed_unchecked(&PRIVATE).unwrap();
            pair.sign(message).as_ref().to_vec()
        }
        KeyPairAlgorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, public, message),
        other => panic!("{other} needs a signer of its own"),
    }
}

fn ecdsa(form: &'static EcdsaSigningAlgorithm, public: &PublicKey, message: &[u8]) -> Vec<u8> {
    let (private, public) = (&PRIVATE, public.as_bytes());
    let pair = EcdsaKeyPair::from_private_key_and_public_key(form, private, public).unwrap();
    pair.sign(&SignatureRandom::new(), message).unwrap().as_ref().to_vec()
}

#[test]
fn a_token_is_accepted_here_and_by_whoever_has_the_published_half() {
    for algorithm in ALGORITHMS {
        let pair = KeyPair::generate(algorithm, &SystemRandom);
        let authority = authority(pair.clone());
        let claims = access_claims();
        let token = authority.sign_access(&claims);
        assert_eq!(authority.verify_access(token.expose_secret(), NOW), Ok(claims.clone()));
        assert_eq!(of(&pair).verify(token.expose_secret(), NOW), Ok(claims));
        let header = Forgery::from_token(token.expose_secret(), [0; 32]).header;
        assert_eq!(
            Value::from(header),
            json!({
                "alg": algorithm.name(), "typ": "at+jwt", "kid": pair.kid(),
            })
        );
    }
}

#[test]
fn a_cached_token_is_valid_in_its_own_period_and_its_own_text_only() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        let verifier = of(&pair).remembering(64);
        let claims = access_claims();
        let token = authority(pair.clone()).sign_access(&claims);
        let token = token.expose_secret();
        for _ in 0..2 {
            assert_eq!(verifier.verify(token, NOW), Ok(claims.clone()));
        }
        let over = claims.expires_at + LEEWAY;
        assert_eq!(verifier.verify(token, over), Err(TokenError::Expired));
        assert_eq!(verifier.verify_expired(token, over), Ok(claims.clone()));
        let before = Timestamp::from_seconds(claims.issued_at.as_seconds() - 6);
        assert_eq!(verifier.verify(token, before), Err(TokenError::NotYetValid));
        for place in 0..token.len() {
            let mut other = token.as_bytes().to_vec();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(verifier.verify(&other, NOW).is_err(), "{place}");
        }
        verifier.replace_keys(KeySet::default());
        assert_eq!(verifier.verify(token, NOW), Err(TokenError::UnknownKey));
        // Another key under the same name, as nobody should have it.
        let other = KeyPair::generate(algorithm, &SystemRandom).public();
        let document = JsonWebKeySet::new([other.clone()]).to_json();
        let document = document.replace(other.kid(), pair.kid());
        let stranger = JsonWebKeySet::parse(&document).unwrap();
        verifier.replace_keys(stranger.keys().iter().collect());
        assert_eq!(verifier.verify(token, NOW), Err(TokenError::BadSignature));
    }
}

#[test]
fn only_access_tokens_change_their_key() {
    for algorithm in ALGORITHMS {
        let authority = authority(pair(algorithm));
        for kind in [Kind::Refresh, Kind::Device] {
            let forgery = Forgery::of(&authority, kind);
            assert_eq!(forgery.header["alg"], json!("HS256"), "{kind:?}");
        }
    }
}

#[test]
fn a_rotation_refuses_no_token_that_was_signed_before_until_its_key_is_retired() {
    let authority = TokenAuthority::new(&secret(), &settings());
    let sign = || authority.sign_access(&access_claims());
    let accepts = |token: &portcullis_domain::SecretString| {
        authority.verify_access(token.expose_secret(), NOW).map(drop)
    };
    let [first, second] = ALGORITHMS.map(|algorithm| KeyPair::generate(algorithm, &SystemRandom));

    let derived = sign();
    let shared = authority.shared_kids();
    authority.use_access_keys(AccessKeys {
        signing: Some(first.clone()),
        verifying: vec![second.public()],
        shared: shared.clone(),
    });
    let of_first = sign();
    authority.use_access_keys(AccessKeys {
        signing: Some(second.clone()),
        verifying: vec![first.public(), second.public()],
        shared,
    });
    let of_second = sign();
    for token in [&derived, &of_first, &of_second] {
        assert_eq!(accepts(token), Ok(()));
    }

    authority.use_access_keys(AccessKeys { signing: Some(second), ..AccessKeys::default() });
    assert_eq!(accepts(&of_first), Err(TokenError::UnknownKey));
    assert_eq!(accepts(&derived), Err(TokenError::UnknownKey), "the shared secret has ended too");
    assert_eq!(accepts(&of_second), Ok(()));

    authority.use_access_keys(AccessKeys::default());
    assert_eq!(accepts(&of_second), Err(TokenError::UnknownKey));
    assert_eq!(accepts(&derived), Ok(()));
    assert_eq!(accepts(&sign()), Ok(()));
}

#[test]
fn a_previous_secret_is_accepted_beside_key_pairs_for_access_only_as_long_as_it_is_said() {
    let old = TokenAuthority::new(&crate::forge::another_secret(), &settings());
    let authority =
        TokenAuthority::new(&secret(), &settings()).accepting(&crate::forge::another_secret());
    let [own, previous] = authority.shared_kids().try_into().unwrap();
    let keys = |shared: &[&String]| AccessKeys {
        signing: Some(pair(KeyPairAlgorithm::EdDsa)),
        shared: shared.iter().map(|kid| (*kid).clone()).collect(),
        ..AccessKeys::default()
    };
    for (shared, access) in [
        (vec![&own, &previous], Ok(())),
        (vec![&previous], Ok(())),
        (vec![&own], Err(TokenError::UnknownKey)),
        (Vec::new(), Err(TokenError::UnknownKey)),
    ] {
        authority.use_access_keys(keys(&shared));
        for kind in KINDS {
            let expected = if matches!(kind, Kind::Access) { access } else { Ok(()) };
            let token = sign(&old, kind);
            assert_eq!(crate::forge::verify(&authority, kind, &token, NOW), expected, "{kind:?}");
        }
    }
    authority.use_access_keys(AccessKeys::default());
    let token = sign(&old, Kind::Access);
    let verdict = crate::forge::verify(&authority, Kind::Access, &token, NOW);
    assert_eq!(verdict, Err(TokenError::UnknownKey), "what signs does not bring it back");
}

#[test]
fn the_server_knows_whose_tokens_it_signs() {
    let authority = authority(pair(KeyPairAlgorithm::EdDsa));
    assert_eq!(authority.issuer(), settings().issuer);
    assert_eq!(authority.audience(), settings().audience);
}

#[test]
fn a_verifier_whose_keys_were_replaced_knows_the_old_ones_no_more() {
    let derived = KeySet::from(VerifyingKey::hs256(&Kind::Access.key()));
    let access = Verifier::<AccessClaims>::new(
        derived.clone(),
        &settings().issuer,
        &settings().audience,
        settings().lifetimes.access,
    );
    let authority = TokenAuthority::new(&secret(), &settings());
    let token = authority.sign_access(&access_claims());
    assert!(access.verify(token.expose_secret(), NOW).is_ok());
    access.replace_keys(KeySet::default());
    assert_eq!(access.verify(token.expose_secret(), NOW), Err(TokenError::UnknownKey));
    access.replace_keys(derived);
    assert!(access.verify(token.expose_secret(), NOW).is_ok());
}
/// A token of the pair, to be changed and signed again with the pair or with something else.
fn forgery(pair: &KeyPair) -> Forgery {
    let token = authority(pair.clone()).sign_access(&access_claims());
    Forgery::from_token(token.expose_secret(), [0; 32])
}

#[test]
fn every_rule_on_claims_holds_under_a_key_pair_too() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        let verdict = |change: &dyn Fn(&mut Forgery)| {
            let mut forgery = forgery(&pair);
            change(&mut forgery);
            let token = forgery.token_signed_by(|message| signature(&pair.public(), message));
            of(&pair).verify(&token, NOW).map(drop)
        };
        let claim =
            |name: &str, value: Value| verdict(&|forgery| forgery.claims[name] = value.clone());
        assert_eq!(verdict(&|_| ()), Ok(()));
        let now = NOW.as_seconds();
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap();
        assert_eq!(claim("aud", json!("another")), Err(TokenError::WrongAudience));
        assert_eq!(claim("aud", json!("api/refresh")), Err(TokenError::WrongAudience));
        assert_eq!(claim("aud", json!(["api"])), Err(TokenError::Malformed));
        assert_eq!(claim("iss", json!("https://evil.test")), Err(TokenError::WrongIssuer));
        assert_eq!(claim("exp", json!(now - leeway)), Err(TokenError::Expired));
        assert_eq!(claim("exp", json!(now + 1_801)), Err(TokenError::WrongLifetime));
        assert_eq!(claim("iat", json!(now + leeway + 1)), Err(TokenError::NotYetValid));
        for typ in ["rt+jwt", "dt+jwt", "rs+jwt", "JWT", ""] {
            let other = verdict(&|forgery| forgery.header["typ"] = json!(typ));
            assert_eq!(other, Err(TokenError::WrongKind), "{typ}");
        }
        for kind in ["refresh", "device", "access"] {
            let other = verdict(&|forgery| {
                forgery.claims.insert("type".into(), json!(kind));
            });
            assert_eq!(other, Err(TokenError::WrongKind), "{kind}");
        }
    }
}

#[test]
fn a_header_cannot_choose_the_algorithm() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        for name in ["none", "None", "", "HS256", "HS512", "EdDSA", "ES256", "ES384", "RS256"] {
            if name == algorithm.name() {
                continue;
            }
            let mut forgery = forgery(&pair);
            forgery.header["alg"] = json!(name);
            for token in [
                forgery.token_signed_by(|message| signature(&pair.public(), message)),
                forgery.token_signed_by(|_| Vec::new()),
                forgery.token_signed_by(|_| vec![0; 64]),
            ] {
                let verdict = of(&pair).verify(&token, NOW);
                assert_eq!(verdict, Err(TokenError::WrongAlgorithm), "{algorithm} as {name}");
            }
        }
    }
}

#[test]
fn a_header_cannot_bring_its_own_key() {
    for algorithm in ALGORITHMS {
        let (trusted, forger) = (KeyPair::generate(algorithm, &SystemRandom), pair(algorithm));
        let own: Value =
            serde_json::from_str(&JsonWebKeySet::new([forger.public()]).to_json()).unwrap();
        for (member, value) in [
            ("jwk", own["keys"][0].clone()),
            ("jku", json!("https://evil.test/jwks.json")),
            ("x5u", json!("https://evil.test/x.pem")),
            ("x5c", json!([STANDARD.encode(forger.public().as_bytes())])),
            ("crit", json!(["jwk"])),
        ] {
            for kid in [trusted.kid(), forger.kid()] {
                let mut forgery = forgery(&forger);
                forgery.header["kid"] = json!(kid);
                forgery.header.insert(member.into(), value.clone());
                let token = forgery.token_signed_by(|message| signature(&forger.public(), message));
                let verdict = of(&trusted).verify(&token, NOW);
                assert_eq!(verdict, Err(TokenError::Malformed), "{member}");
            }
        }
    }
}

#[test]
fn a_stranger_s_signature_is_refused_whatever_name_it_goes_by() {
    for algorithm in ALGORITHMS {
        let (trusted, forger) = (KeyPair::generate(algorithm, &SystemRandom), pair(algorithm));
        let mut forgery = forgery(&forger);
        let token = |forgery: &Forgery| {
            forgery.token_signed_by(|message| signature(&forger.public(), message))
        };
        let verdict = of(&trusted).verify(&token(&forgery), NOW);
        assert_eq!(verdict, Err(TokenError::UnknownKey));
        forgery.header["kid"] = json!(trusted.kid());
        let verdict = of(&trusted).verify(&token(&forgery), NOW);
        assert_eq!(verdict, Err(TokenError::BadSignature));
        forgery.header.remove("kid");
        let verdict = of(&trusted).verify(&token(&forgery), NOW);
        assert_eq!(verdict, Err(TokenError::UnknownKey));
    }
}

/// The attack that algorithms of the header allow: what everybody may read, taken for a secret.
#[test]
fn the_published_half_is_no_shared_secret_in_any_spelling() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        let public = pair.public();
        let document = JsonWebKeySet::new([public.clone()]).to_json();
        let key: Value = serde_json::from_str(&document).unwrap();
        let der = [subject_public_key_prefix(algorithm), public.as_bytes()].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&der)
        );
        let spellings = [
            public.as_bytes().to_vec(),
            public.as_bytes()[1..].to_vec(),
            URL_SAFE_NO_PAD.encode(public.as_bytes()).into_bytes(),
            URL_SAFE_NO_PAD.decode(key["keys"][0]["x"].as_str().unwrap()).unwrap(),
            key["keys"][0].to_string().into_bytes(),
            document.into_bytes(),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            der,
            pair.kid().as_bytes().to_vec(),
            Vec::new(),
        ];
        let authority = authority(pair.clone());
        let derived_kid = Forgery::of(&TokenAuthority::new(&secret(), &settings()), Kind::Access)
            .header["kid"]
            .clone();
        for (number, spelling) in spellings.iter().enumerate() {
            for (alg, kid, expected) in [
                ("HS256", json!(pair.kid()), TokenError::WrongAlgorithm),
                (algorithm.name(), json!(pair.kid()), TokenError::BadSignature),
                ("HS256", derived_kid.clone(), TokenError::BadSignature),
            ] {
                let mut forgery = forgery(&pair);
                forgery.header["alg"] = json!(alg);
                forgery.header["kid"] = kid;
                let token = forgery.token_signed_by(|message| hmac_sha256(spelling, message));
                let verdict = authority.verify_access(&token, NOW);
                assert_eq!(verdict, Err(expected), "{algorithm}, spelling {number}, {alg}");
            }
        }
    }
}

/// What stands before the key in the DER of a public key (RFC 5280 section 4.1).
fn subject_public_key_prefix(algorithm: KeyPairAlgorithm) -> &'static [u8] {
    match algorithm {
        KeyPairAlgorithm::EdDsa => b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        KeyPairAlgorithm::Es256 => {
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
              \x03\x01\x07\x03\x42\x00"
        }
        other => panic!("{other} needs a prefix of its own"),
    }
}

#[test]
fn a_key_of_one_algorithm_does_not_serve_the_other() {
    let [first, second] = ALGORITHMS.map(pair);
    let authority = TokenAuthority::new(&secret(), &settings());
    authority.use_access_keys(AccessKeys {
        signing: None,
        verifying: vec![first.public(), second.public()],
        shared: Vec::new(),
    });
    for (named, signs) in [(&first, &second), (&second, &first)] {
        let mut forgery = forgery(signs);
        forgery.header["kid"] = json!(named.kid());
        let token = |forgery: &Forgery| {
            forgery.token_signed_by(|message| signature(&signs.public(), message))
        };
        let verdict = authority.verify_access(&token(&forgery), NOW);
        assert_eq!(verdict, Err(TokenError::WrongAlgorithm));
        forgery.header["alg"] = json!(named.algorithm().name());
        let verdict = authority.verify_access(&token(&forgery), NOW);
        assert_eq!(verdict, Err(TokenError::BadSignature));
    }
}

/// RFC 7518 section 3.4: two numbers of 32 bytes, never the DER that X.509 uses.
#[test]
fn an_ecdsa_signature_has_one_form() {
    let pair = pair(KeyPairAlgorithm::Es256);
    let public = pair.public();
    let token = forgery(&pair)
        .token_signed_by(|message| ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, &public, message));
    assert_eq!(of(&pair).verify(&token, NOW), Err(TokenError::BadSignature));
    let signed = authority(pair).sign_access(&access_claims());
    let signature = signed.expose_secret().rsplit('.').next().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64);
}

#[test]
fn a_token_with_any_one_bit_flipped_is_refused_under_a_key_pair() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        let (verifier, signed) = (of(&pair), authority(pair).sign_access(&access_claims()));
        for position in 0..signed.expose_secret().len() {
            for bit in 0..8 {
                let mut bytes = signed.expose_secret().as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8_lossy(&bytes);
                let verdict = verifier.verify(&changed, NOW);
                assert!(verdict.is_err(), "{algorithm}, byte {position}, bit {bit}");
            }
        }
    }
}

#[test]
fn nothing_that_is_printed_tells_a_private_half() {
    for algorithm in ALGORITHMS {
        let pair = pair(algorithm);
        let shown = format!("{pair:?} {:?}", authority(pair.clone()));
        assert!(!shown.contains("7, 7, 7"), "{shown}");
    }
}
