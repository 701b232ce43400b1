//! Assembly of sign-in, sessions and password hashing.

use std::sync::Arc;

use portcullis_domain::{Ambient, Clock};
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::identity::breach_check::BreachChecks;
use portcullis_flows::identity::breach_review::BreachReviews;
use portcullis_flows::identity::new_password::NewPasswords;
use portcullis_flows::identity::password_removal::PasswordRemovals;
use portcullis_flows::node::revocation::Enforcement;
use portcullis_flows::sign_in::backup_code::BackupCodes;
use portcullis_flows::sign_in::device::Devices;
use portcullis_flows::sign_in::factor::{BackupCodeSeal, FactorProver, PasskeyVerifier};
use portcullis_flows::sign_in::factor_reset::FactorReset;
use portcullis_flows::sign_in::hash_cost::{HashCostStore, HashCosts};
use portcullis_flows::sign_in::lockout::{FailureCounters, Lockout};
use portcullis_flows::sign_in::mass_sign_out::MassSignOut;
use portcullis_flows::sign_in::network_policy::NetworkAccess;
use portcullis_flows::sign_in::outcome::{ObservedStore, SignInOutcomes};
use portcullis_flows::sign_in::passkey::Passkeys;
use portcullis_flows::sign_in::passkey_challenge::PasskeyOffer;
use portcullis_flows::sign_in::reauthentication::Reauthentication;
use portcullis_flows::sign_in::refresh::Refresh;
use portcullis_flows::sign_in::risk_replay::RiskReplay;
use portcullis_flows::sign_in::session::Sessions;
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_flows::sign_in::sign_out::SignOut;
use portcullis_flows::sign_in::step_up::{FactorStepUp, StepUp};
use portcullis_flows::sign_in::totp::TotpEnrolment;
use portcullis_flows::sign_in::unlock::Unlock;
use portcullis_flows::sign_in::{PasskeySignIn, RiskAssessor, RiskFiles, SecondFactor, SignIn};
use portcullis_password::{
    BreachFilter, BreachService, Hasher, HashingPool, PoolSettings, RangeService,
};
use portcullis_storage::Store;
use portcullis_token::{Purpose, SecretKey};
use portcullis_web::AppData;

use super::foundation::Foundation;
use crate::config::{BreachLists, Config};
use crate::failure::{self, Failure};

/// The verification of credentials, for several use cases.
pub(super) struct Credentials {
    pub(super) hashing: Arc<HashingPool>,
    pub(super) costs: Arc<HashCosts>,
    pub(super) lockout: Lockout,
    pub(super) new: NewPasswords,
    pub(super) breaches: Arc<BreachChecks>,
    pub(super) passkeys: Arc<PasskeyVerifier>,
}

impl Credentials {
    /// Starts the hashing threads.
    pub(super) fn start(foundation: &Foundation, data: &mut AppData) -> Result<Self, Failure> {
        let Foundation { config, store, secret, ambient } = foundation;
        let hashing = Arc::new(hashing(config, config.hashing, ambient.clock.clone())?);
        data.share(hashing.clone());
        let (policy, random) = (config.passwords.clone(), ambient.random.clone());
        let breaches = breaches(&config.breaches, ambient.clock.clone())?;
        Ok(Self {
            costs: hash_costs(store.clone()),
            lockout: Lockout { counters: counters(secret), policy: config.lockout.clone() },
            new: NewPasswords::new(policy, hashing.clone(), breaches.clone(), random),
            breaches,
            hashing,
            passkeys: Arc::new(PasskeyVerifier::new(
                config.relying_party.clone(),
                Arc::new(foundation.seal(Purpose::Passkeys)),
            )),
        })
    }

    /// The verification of current credentials.
    pub(super) fn reauthentication(&self, foundation: &Foundation) -> Reauthentication {
        let Foundation { store, ambient, .. } = foundation;
        let Self { hashing, passkeys, lockout, .. } = self;
        Reauthentication::new(
            store.clone(),
            hashing.clone(),
            passkeys.clone(),
            lockout.clone(),
            ambient.clone(),
        )
    }
}

/// The lists of breached credentials. A filter file that cannot be read prevents the start.
pub(super) fn breaches(
    lists: &BreachLists,
    clock: Arc<dyn Clock>,
) -> Result<Arc<BreachChecks>, Failure> {
    let filter = lists.filter.as_deref().map(|path| {
        BreachFilter::open(path).map_err(|error| {
            let problem = format!(
                "the filter of breached passwords {} is not usable: {error}",
                path.display()
            );
            Failure::failed(
                problem,
                "make it by `portcullis breach-filter build`, or remove passwords.breach_filter",
            )
        })
    });
    let service = lists.service.clone().map(|url| {
        RangeService::new(url).map(|service| -> Arc<dyn BreachService> { Arc::new(service) })
    });
    let (filter, service) = (filter.transpose()?, service.transpose());
    let service = service.map_err(|error| {
        let remedy =
            "install the package ca-certificates, or set passwords.breach_service = \"off\"";
        Failure::failed(format!("the range service cannot be used: {error}"), remedy)
    })?;
    Ok(Arc::new(BreachChecks::new(filter, service, clock)))
}

/// The assessment of sign-ins, if it is on.
pub(super) fn risk_assessor(foundation: &Foundation, files: RiskFiles) -> Option<RiskAssessor> {
    let Foundation { config, store, secret, ambient } = foundation;
    let counters = counters(secret);
    let assessor =
        |policy| RiskAssessor::new(store.clone(), counters, policy, files, ambient.clone());
    config.risk.policy.map(assessor)
}

/// The replay of recorded sign-ins, at a running server or without one.
pub(crate) fn risk_replay(store: &Arc<Store>, config: &Config, ambient: &Ambient) -> RiskReplay {
    let log = AuditLog::new(store.clone(), ambient.clone());
    RiskReplay::new(Arc::new(log), config.risk.policy)
}

/// Parts of a sign-in that several of its use cases share.
pub(super) struct SignInParts<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) risk: Option<RiskAssessor>,
    pub(super) outcomes: &'a Arc<SignInOutcomes>,
}

/// The use cases of sign-in and sessions. Returns the networks that accounts may be used from.
pub(super) fn share(
    foundation: &Foundation,
    issuer: &TokenIssuer,
    parts: SignInParts<'_>,
    matrix: &Arc<ActiveMatrix>,
    data: &mut AppData,
) -> Arc<NetworkAccess> {
    let Foundation { config, store, ambient, .. } = foundation;
    let networks = issuer.networks().clone();
    let networks = Arc::new(NetworkAccess::new(networks, store.clone(), ambient.clone()));
    let offer = share_factors(foundation, issuer, &parts, data);
    let SignInParts { credentials, risk, outcomes } = parts;
    let observed = Arc::new(ObservedStore::of_first_step(store.clone(), outcomes.clone()));
    let sign_in = SignIn::new(
        observed.clone(),
        credentials.hashing.clone(),
        issuer.clone(),
        credentials.costs.clone(),
        BreachReviews::new(store.clone(), credentials.breaches.clone(), ambient.clone()),
        credentials.lockout.clone(),
        ambient.clone(),
    );
    data.share(Arc::new(risk_replay(store, config, ambient)));
    let requires_verified_email = config.registration.requires_verified_email;
    let sign_in = sign_in.offering_passkeys(offer.clone()).assessing_risk(risk.clone());
    data.share(Arc::new(sign_in.requiring_verified_email(requires_verified_email)));
    let (store, issuer) = (store.clone(), issuer.clone());
    let passkey =
        PasskeySignIn::new(observed, offer, issuer.clone(), ambient.clone()).assessing_risk(risk);
    data.share(Arc::new(passkey.requiring_verified_email(requires_verified_email)));
    let refresh = Refresh::new(store.clone(), issuer.clone(), networks.clone(), ambient.clone());
    data.share(Arc::new(refresh));
    data.share(Arc::new(SignOut::new(store.clone(), issuer.clone(), ambient.clone())));
    data.share(Arc::new(Sessions::new(store.clone(), issuer.clone(), ambient.clone())));
    data.share(Arc::new(Devices::new(store.clone(), issuer.clone(), ambient.clone())));
    data.share(Arc::new(MassSignOut::new(
        store.clone(),
        matrix.clone(),
        issuer.enforcement(),
        ambient.clone(),
    )));
    networks
}

/// The use cases of second factors. Returns the passkeys that sign-ins offer.
fn share_factors(
    foundation: &Foundation,
    issuer: &TokenIssuer,
    parts: &SignInParts<'_>,
    data: &mut AppData,
) -> PasskeyOffer {
    let Foundation { config, store, ambient, .. } = foundation;
    let SignInParts { credentials, risk, outcomes } = parts;
    let Credentials { hashing, lockout, passkeys, .. } = credentials;
    let key = Arc::new(foundation.seal(Purpose::TotpSeeds));
    let offer = PasskeyOffer::new(store.clone(), passkeys.clone());
    let codes = BackupCodeSeal::new(Arc::new(foundation.seal(Purpose::BackupCodes)));
    let prover = FactorProver::new(
        store.clone(),
        hashing.clone(),
        key.clone(),
        codes.clone(),
        passkeys.clone(),
    );
    let reauthentication = credentials.reauthentication(foundation);
    let second_factor = SecondFactor::new(
        Arc::new(ObservedStore::of_second_step(store.clone(), (*outcomes).clone())),
        prover.clone(),
        issuer.clone(),
        lockout.clone(),
        ambient.clone(),
    )
    .assessing_risk(risk.clone());
    let requires_verified_email = config.registration.requires_verified_email;
    data.share(Arc::new(second_factor.requiring_verified_email(requires_verified_email)));
    data.share(Arc::new(FactorStepUp::new(
        store.clone(),
        prover,
        issuer.clone(),
        lockout.clone(),
        ambient.clone(),
    )));
    let backup_codes = BackupCodes::new(
        store.clone(),
        reauthentication.clone(),
        hashing.clone(),
        codes,
        ambient.clone(),
    );
    data.share(Arc::new(PasswordRemovals::new(
        store.clone(),
        reauthentication.clone(),
        issuer.clone(),
        ambient.clone(),
    )));
    let passkeys = Passkeys::new(
        store.clone(),
        offer.clone(),
        reauthentication.clone(),
        issuer.clone(),
        ambient.clone(),
    );
    let totp = TotpEnrolment::new(
        store.clone(),
        reauthentication,
        key,
        issuer.clone(),
        config.mfa_issuer.clone(),
        ambient.clone(),
    );
    if config.tokens.previous.is_some()
        && let Err(error) =
            totp.reseal().and_then(|()| passkeys.reseal()).and_then(|()| backup_codes.reseal())
    {
        tracing::warn!(%error, "the second factors could not be sealed again");
    }
    data.share(Arc::new(totp));
    data.share(Arc::new(backup_codes));
    data.share(Arc::new(passkeys));
    offer
}

/// The maximum age of a sign-in for step-up.
pub(super) fn step_up(foundation: &Foundation) -> Arc<StepUp> {
    Arc::new(StepUp::new(foundation.store.clone(), foundation.ambient.clone()))
}

/// Ends all sessions, without a server. Running servers read the revocations.
pub(crate) fn mass_sign_out(store: &Arc<Store>, config: &Config) -> MassSignOut {
    let enforcement = Enforcement::of_command(config.sessions.access_lifetime);
    let matrix = config.matrix.active.clone();
    MassSignOut::new(store.clone(), matrix, enforcement, Ambient::system())
}

/// Shows and removes the second factors of an account. Running servers read the revocations.
pub(crate) fn factor_reset(store: &Arc<Store>, config: &Config) -> FactorReset {
    let enforcement = Enforcement::of_command(config.sessions.access_lifetime);
    FactorReset::new(store.clone(), enforcement, Ambient::system())
}

/// Ends a lockout.
pub(crate) fn unlock(store: &Arc<Store>, secret: &SecretKey) -> Unlock {
    Unlock::new(store.clone(), counters(secret), Ambient::system())
}

/// The pool that hashes credentials.
pub(super) fn hashing(
    config: &Config,
    settings: PoolSettings,
    clock: Arc<dyn Clock>,
) -> Result<HashingPool, Failure> {
    let hasher = Hasher::new(config.argon2.clone(), &*Ambient::system().random);
    let hasher = hasher.with_peppers(config.peppers.clone());
    HashingPool::new(settings, hasher, clock).map_err(failure::no_thread)
}

pub(super) fn counters(secret: &SecretKey) -> FailureCounters {
    FailureCounters::new(secret.derive(Purpose::SignInFailures))
}

/// The hash costs in use, read before the first sign-in if the database answers. A job reads them again.
fn hash_costs(store: Arc<dyn HashCostStore>) -> Arc<HashCosts> {
    let costs = HashCosts::new(store);
    if let Err(error) = costs.follow() {
        tracing::warn!(%error, "the costs of stored password hashes could not be read yet");
    }
    Arc::new(costs)
}
