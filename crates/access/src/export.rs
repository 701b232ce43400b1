//! The effective table, inheritance resolved, for people and programs.
//!
//! An export shows the roles that its reader may see, and of resources and actions those on which
//! one of these roles holds anything; where a right comes from is told only if that role is among
//! them. Words need no escaping in any of the formats.

mod csv;
mod json;
mod markdown;
mod view;

use self::view::View;
use crate::matrix::Matrix;

impl Matrix {
    /// The effective table as JSON, of the roles for which `visible` says yes.
    pub fn to_json(&self, visible: &dyn Fn(&str) -> bool) -> String {
        json::table(&View::of(self, visible)).to_string()
    }

    /// The effective table as CSV (RFC 4180), of the roles for which `visible` says yes.
    ///
    /// One line for each way in which a role comes to an action.
    pub fn to_csv(&self, visible: &dyn Fn(&str) -> bool) -> String {
        csv::Lines(&View::of(self, visible)).to_string()
    }

    /// The effective table as Markdown, of the roles for which `visible` says yes.
    pub fn to_markdown(&self, visible: &dyn Fn(&str) -> bool) -> String {
        markdown::Page(&View::of(self, visible)).to_string()
    }
}
