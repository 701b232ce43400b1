//! The use cases of second factors of one running server.

use std::sync::Arc;

use portcullis_flows::identity::password_change::PasswordChangeStore;
use portcullis_flows::identity::password_removal::PasswordRemovals;
use portcullis_flows::sign_in::backup_code::BackupCodes;
use portcullis_flows::sign_in::factor::{BackupCodeSeal, FactorProver, PasskeyVerifier};
use portcullis_flows::sign_in::factor_reset::FactorReset;
use portcullis_flows::sign_in::lockout::Lockout;
use portcullis_flows::sign_in::passkey::Passkeys;
use portcullis_flows::sign_in::passkey_challenge::PasskeyOffer;
use portcullis_flows::sign_in::reauthentication::Reauthentication;
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_flows::sign_in::step_up::FactorStepUp;
use portcullis_flows::sign_in::totp::TotpEnrolment;
use portcullis_flows::sign_in::{PasskeySignIn, SecondFactor};
use portcullis_mfa::SeedKey;
use portcullis_mfa::passkey::RelyingParty;
use portcullis_password::HashingPool;
use portcullis_token::{Purpose, SecretKey};

use crate::deployment::Deployment;

/// The origin of the pages that use passkeys.
pub(crate) const ORIGIN: &str = "https://auth.example.org";

pub(crate) struct FactorUseCases {
    pub(crate) second_factor: SecondFactor,
    pub(crate) totp: TotpEnrolment,
    pub(crate) backup_codes: BackupCodes,
    pub(crate) password_removals: PasswordRemovals,
    pub(crate) passkeys: Passkeys,
    pub(crate) passkey_sign_in: PasskeySignIn,
    pub(crate) step_up: FactorStepUp,
    pub(crate) reauthentication: Reauthentication,
    pub(crate) factor_reset: FactorReset,
}

impl FactorUseCases {
    /// The use cases, and the passkeys that sign-ins offer. Secrets of before the present key still open.
    pub(crate) fn new(
        deployment: &Deployment,
        passwords: &Arc<dyn PasswordChangeStore>,
        hashing: &Arc<HashingPool>,
        issuer: &TokenIssuer,
        lockout: &Lockout,
        secret: &SecretKey,
    ) -> (Self, PasskeyOffer) {
        let store = Arc::new(deployment.database.store().clone());
        let ambient = deployment.ambient();
        let seal = |purpose| {
            let key = SeedKey::new(secret.derive(purpose));
            let previous = deployment.previous_secret.as_ref();
            Arc::new(match previous {
                Some(previous) => key.accepting(previous.derive(purpose)),
                None => key,
            })
        };
        let key = seal(Purpose::TotpSeeds);
        let relying_party = RelyingParty::of_origin(ORIGIN, "Portcullis").unwrap();
        let verifier = Arc::new(PasskeyVerifier::new(Some(relying_party), seal(Purpose::Passkeys)));
        let offer = PasskeyOffer::new(store.clone(), verifier.clone());
        let codes = BackupCodeSeal::new(seal(Purpose::BackupCodes));
        let prover = FactorProver::new(
            store.clone(),
            hashing.clone(),
            key.clone(),
            codes.clone(),
            verifier.clone(),
        );
        let reauthentication = Reauthentication::new(
            passwords.clone(),
            hashing.clone(),
            verifier,
            lockout.clone(),
            ambient.clone(),
        );
        let use_cases = Self {
            second_factor: SecondFactor::new(
                passwords.clone(),
                prover.clone(),
                issuer.clone(),
                lockout.clone(),
                ambient.clone(),
            )
            .assessing_risk(deployment.risk_assessor(&lockout.counters)),
            totp: TotpEnrolment::new(
                store.clone(),
                reauthentication.clone(),
                key,
                issuer.clone(),
                "Portcullis".to_owned(),
                ambient.clone(),
            ),
            backup_codes: BackupCodes::new(
                store.clone(),
                reauthentication.clone(),
                hashing.clone(),
                codes,
                ambient.clone(),
            ),
            password_removals: PasswordRemovals::new(
                store.clone(),
                reauthentication.clone(),
                issuer.clone(),
                ambient.clone(),
            ),
            passkeys: Passkeys::new(
                store.clone(),
                offer.clone(),
                reauthentication.clone(),
                issuer.clone(),
                ambient.clone(),
            ),
            passkey_sign_in: PasskeySignIn::new(
                store.clone(),
                offer.clone(),
                issuer.clone(),
                ambient.clone(),
            )
            .assessing_risk(deployment.risk_assessor(&lockout.counters)),
            step_up: FactorStepUp::new(
                store.clone(),
                prover,
                issuer.clone(),
                lockout.clone(),
                ambient.clone(),
            ),
            reauthentication: reauthentication.clone(),
            factor_reset: FactorReset::new(store, issuer.enforcement(), ambient),
        };
        (use_cases, offer)
    }
}
