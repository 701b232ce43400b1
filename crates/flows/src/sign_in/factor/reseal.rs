//! Stored factors after a change of the secret key: sealed again, all of them, page by page.

use std::fmt::Display;

use portcullis_mfa::SealError;

use crate::StoreError;

/// Seals again what the previous secret key sealed. `page` returns the next rows after an id, at most so
/// many; `again` the new seal of a row, or `None` if it needs none; `replace` stores it. A damaged row
/// stops nothing.
pub(crate) fn reseal_all<I: Copy + Display, R>(
    page: impl Fn(Option<I>, u32) -> Result<Vec<(I, R)>, StoreError>,
    again: impl Fn(I, &R) -> Result<Option<Vec<u8>>, SealError>,
    replace: impl Fn(I, &R, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const PAGE: u32 = 500;
    let mut after = None;
    loop {
        let rows = page(after, PAGE)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(*last);
        for (id, row) in &rows {
            match again(*id, row) {
                Ok(Some(sealed)) => replace(*id, row, &sealed)?,
                Ok(None) => {}
                Err(error) => tracing::error!(%id, %error, "a stored factor is damaged"),
            }
        }
    }
}
