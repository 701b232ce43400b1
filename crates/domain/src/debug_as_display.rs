//! `debug_as_display!`: errors whose `Debug` prints the sentence of `Display` and the causes.
//!
//! `main`, `unwrap` and a test that returns an error print the error with `Debug`, where a sentence
//! helps more than the name of a variant.

use std::error::Error;
use std::fmt;

/// Implements `Debug` for error types: the sentence of `Display`, then the sentences of the causes.
/// An error whose message contains its cause must not return that cause as its source too.
///
/// ```
/// #[derive(thiserror::Error)]
/// #[error("the file cannot be read")]
/// struct Unreadable(#[from] std::fmt::Error);
/// portcullis_domain::debug_as_display!(Unreadable);
///
/// let cause = std::fmt::Error;
/// assert_eq!(format!("{:?}", Unreadable(cause)), format!("the file cannot be read: {cause}"));
/// ```
#[macro_export]
macro_rules! debug_as_display {
    ($($error:ty),+ $(,)?) => {$(
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::write_with_causes(self, f)
            }
        }
    )+};
}

#[doc(hidden)]
pub fn write_with_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}
