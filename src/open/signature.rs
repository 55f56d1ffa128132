//! Who signed the list.

use super::Trust;
use super::problem::{Problem, Way};
use crate::model::Word as _;
use crate::pack::names::{SIGNATURE, SUMS};
use crate::pack::{NAMESPACE, Principal, is_used_here};
use ssh_key::{HashAlg, LineEnding, PublicKey, SshSig};

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The principal, as the signers file names it.
    pub principal: Principal,
    /// `SHA256:…` of the key.
    pub fingerprint: String,
}

/// Verifies the armoured `signature` over `sums`.
pub(crate) fn verify(sums: &[u8], signature: &[u8], trust: &Trust) -> Result<SignedBy, Vec<Problem>> {
    let one = |way: Way, path: &str, message: &str| vec![way.at(path, message)];
    let parsed = SshSig::from_pem(signature)
        .map_err(|_| one(Way::SignatureForm, SIGNATURE, "is not an SSH signature"))?;
    let armour = parsed.to_pem(LineEnding::LF).unwrap_or_default();
    if armour.as_bytes() != signature {
        return Err(one(Way::SignatureArmour, SIGNATURE, "is not written as ssh-keygen writes signatures"));
    }
    let key = parsed.public_key();
    if !is_used_here(&key.algorithm()) || parsed.algorithm() != key.algorithm() {
        let message = format!("is made with {}; Ed25519 and ECDSA P-256 are used here", key.algorithm());
        return Err(one(Way::SignatureAlgorithm, SIGNATURE, &message));
    }
    if parsed.namespace() != NAMESPACE {
        let message =
            format!("was made for {}, not for {NAMESPACE}", super::problem::shown(parsed.namespace()));
        return Err(one(Way::SignatureNamespace, SIGNATURE, &message));
    }

    // From here on every finding is told: a wrong signature and an unknown key are two things.
    let mut problems = Vec::new();
    if PublicKey::from(key.clone()).verify(NAMESPACE, sums, &parsed).is_err() {
        problems.push(Way::SignatureWrong.at(SUMS, "has other bytes than those that were signed"));
    }
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    if trust.revoked.contains(key) {
        problems.push(Way::Revoked.at(SIGNATURE, format!("is made with a revoked key, {fingerprint}")));
    }
    match trust.signers.principal(key, NAMESPACE, trust.at) {
        Ok(principal) => match Principal::parse(principal) {
            Some(principal) if problems.is_empty() => return Ok(SignedBy { principal, fingerprint }),
            Some(_) => {}
            None => problems.push(Way::SignersRole.at(
                SIGNATURE,
                format!("is made by {principal}, who is neither issuer/NAME nor customer/NAME"),
            )),
        },
        Err(problem) => problems.push(problem),
    }
    Err(problems)
}
