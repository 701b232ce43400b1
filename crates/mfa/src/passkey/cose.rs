//! COSE keys (RFC 9052 section 7): the map of numbers in which an authenticator sends its public key.

use cbor4ii::core::enc::{self, Encode, Write};
use cbor4ii::core::types;
use cbor4ii::core::utils::BufWriter;

use super::cbor::{CborReader, Key};
use super::passkey_error::PasskeyError;

/// The parameters of a COSE key that the supported kinds of keys have.
#[derive(Clone, Copy, Default)]
pub(super) struct CoseKey<'a> {
    /// The kind of key: parameter 1.
    pub(super) kty: Option<Member<'a>>,
    /// The algorithm: parameter 3.
    pub(super) alg: Option<Member<'a>>,
    /// The parameters -1, -2 and -3, whose meaning depends on the kind.
    pub(super) further: [Option<Member<'a>>; 3],
}

/// The value of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Member<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

impl<'a> CoseKey<'a> {
    /// Reads a key that ends with the bytes. Section 6.5.1 of the standard allows no other parameters.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyError> {
        let mut found = Self::default();
        let mut reader = CborReader::new(bytes);
        reader.map(|label, reader| {
            let [first, second, third] = &mut found.further;
            let place = match label {
                Key::Number(1) => &mut found.kty,
                Key::Number(3) => &mut found.alg,
                Key::Number(-1) => first,
                Key::Number(-2) => second,
                Key::Number(-3) => third,
                _ => return Err(PasskeyError::InvalidKey),
            };
            *place = Some(if reader.is_at_bytes() {
                Member::Bytes(reader.bytes()?)
            } else {
                Member::Number(reader.number().map_err(|_| PasskeyError::InvalidKey)?)
            });
            Ok(())
        })?;
        reader.finish()?;
        Ok(found)
    }

    /// The canonical form of CTAP2: the labels in the order 1, 3, -1, -2, -3.
    #[expect(clippy::expect_used, reason = "only memory could lack")]
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let [first, second, third] = self.further;
        let all = [(1, self.kty), (3, self.alg), (-1, first), (-2, second), (-3, third)];
        let present: Vec<(i64, Member<'_>)> =
            all.into_iter().filter_map(|(label, member)| Some((label, member?))).collect();
        let mut writer = BufWriter::new(Vec::new());
        types::Map(present.as_slice()).encode(&mut writer).expect("it is short");
        writer.into_inner()
    }
}

impl Encode for Member<'_> {
    fn encode<W: Write>(&self, writer: &mut W) -> Result<(), enc::Error<W::Error>> {
        match self {
            Self::Number(number) => number.encode(writer),
            Self::Bytes(bytes) => types::Bytes(*bytes).encode(writer),
        }
    }
}
