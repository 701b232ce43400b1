//! CSV export of the effective table (RFC 4180).

use std::fmt;

use super::view::MatrixView;

pub(super) struct Lines<'v>(pub(super) &'v MatrixView<'v>);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(view) = self;
        f.write_str("role,resource,action,when,from\r\n")?;
        for &(role, role_id) in &view.roles {
            for &(resource, resource_id) in &view.resources {
                for &(action, action_id) in &view.actions {
                    for grant in view.access(role_id, resource_id, action_id).grants {
                        let when = grant.when.join(" ");
                        let from = view.origin(&grant).unwrap_or_default();
                        write!(f, "{role},{resource},{action},{when},{from}\r\n")?;
                    }
                }
            }
        }
        Ok(())
    }
}
