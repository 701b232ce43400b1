//! `BreachReviewStore`: the reviewed epoch of a password, table `accounts`.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::identity::breach_review::{BreachReview, BreachReviewStore};

use crate::connection::dispatch;
use crate::schema::accounts;
use crate::sign_in::epoch;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl BreachReviewStore for Store {
    fn record_breach_review(&self, review: &BreachReview<'_>) -> Result<bool, StoreError> {
        self.write_recorded(review.effects, |connection| {
            let epoch = epoch::stored(review.epoch);
            let is_due = accounts::breach_reviewed_epoch
                .is_null()
                .or(accounts::breach_reviewed_epoch.ne(epoch));
            let unreviewed = accounts::table
                .find(Key::from(review.account))
                .filter(accounts::password_epoch.eq(epoch))
                .filter(is_due);
            let listed = review.is_listed.then(|| connection.now()).transpose()?;
            let listed = listed.map(|now| {
                (
                    accounts::password_must_change.eq(true),
                    accounts::updated_at.eq(Instant::from(now)),
                )
            });
            let record =
                diesel::update(unreviewed).set((accounts::breach_reviewed_epoch.eq(epoch), listed));
            Ok(dispatch!(connection, inner => record.execute(inner))? == 1)
        })
    }
}
