//! Authenticator data: what the authenticator says and signs (section 6.1).

use super::aaguid::Aaguid;
use super::cbor::CborReader;
use super::credential_id::CredentialId;
use super::passkey_error::PasskeyError;

/// The authenticator data of a response. Extensions are checked for their form and not used.
#[derive(Clone, Debug)]
pub(super) struct AuthenticatorData {
    pub(super) rp_id_hash: [u8; 32],
    pub(super) flags: Flags,
    pub(super) counter: u32,
    pub(super) credential: Option<AttestedCredential>,
}

/// The flags of section 6.1; reserved ones are ignored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags(u8);

/// The credential of a registration (section 6.5.1).
#[derive(Clone, Debug)]
pub(super) struct AttestedCredential {
    pub(super) aaguid: Aaguid,
    pub(super) id: CredentialId,
    /// The key in COSE form, one map in CBOR whose members are not checked yet.
    pub(super) public_key: Vec<u8>,
}

impl AuthenticatorData {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let mut rest = bytes;
        let rp_id_hash = take(&mut rest)?;
        let [flags] = take(&mut rest)?;
        let flags = Flags(flags);
        let counter = u32::from_be_bytes(take(&mut rest)?);
        let credential =
            if flags.has_credential() { Some(AttestedCredential::read(&mut rest)?) } else { None };
        if flags.has_extensions() {
            read_map(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(PasskeyError::TrailingData);
        }
        Ok(Self { rp_id_hash, flags, counter, credential })
    }
}

impl Flags {
    pub(super) const fn is_user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    pub(super) const fn is_user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    pub(super) const fn is_backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    pub(super) const fn is_backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }

    const fn has_credential(self) -> bool {
        self.0 & 0x40 != 0
    }

    const fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl AttestedCredential {
    fn read(rest: &mut &[u8]) -> Result<Self, PasskeyError> {
        let aaguid = Aaguid::from_bytes(take(rest)?);
        let length = usize::from(u16::from_be_bytes(take(rest)?));
        let (id, after) =
            rest.split_at_checked(length).ok_or(PasskeyError::MalformedAuthenticatorData)?;
        *rest = after;
        let id = CredentialId::from_bytes(id.to_vec())?;
        let public_key = read_map(rest)?.to_vec();
        Ok(Self { aaguid, id, public_key })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PasskeyError> {
    let (head, after) = rest.split_first_chunk().ok_or(PasskeyError::MalformedAuthenticatorData)?;
    *rest = after;
    Ok(*head)
}

fn read_map<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], PasskeyError> {
    if rest.is_empty() {
        return Err(PasskeyError::MalformedAuthenticatorData);
    }
    let mut reader = CborReader::new(rest);
    if !reader.is_at_map() {
        return Err(PasskeyError::MalformedCbor);
    }
    let item = reader.item()?;
    *rest = reader.rest();
    Ok(item)
}
