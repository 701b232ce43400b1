//! Hexadecimal text of bytes: two lower-case digits each, and no other spelling.

/// The text is not the expected number of lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0} lower-case hexadecimal digits")]
pub struct NotHexadecimal(pub usize);

/// Reads exactly `N` bytes, two lower-case digits each.
pub(crate) fn from_hexadecimal<const N: usize>(text: &str) -> Result<[u8; N], NotHexadecimal> {
    let mut bytes = [0; N];
    match base16ct::lower::decode(text, &mut bytes) {
        Ok(decoded) if decoded.len() == N => Ok(bytes),
        _ => Err(NotHexadecimal(2 * N)),
    }
}

/// Prints, reads and serialises a tuple struct over `[u8; N]` as lower-case hexadecimal digits.
macro_rules! hexadecimal {
    ($name:ident, $length:literal) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::LowerHex::fmt(&::base16ct::HexDisplay(&self.0), f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::NotHexadecimal;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hexadecimal::from_hexadecimal::<$length>(text).map(Self)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use hexadecimal;
