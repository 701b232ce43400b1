//! The effective table, inheritance resolved, for people and programs.
//!
//! An export shows the roles that its reader may see, and of resources and actions those on which
//! one of these roles holds anything; where a right comes from is told only if that role is among
//! them. Words need no escaping in any of the formats.

mod csv;
mod json;
mod markdown;
mod view;

pub use self::view::MatrixView;
use crate::matrix::Matrix;

impl Matrix {
    /// The effective table as JSON.
    pub fn to_json(&self) -> String {
        self.whole().to_json()
    }

    /// The effective table as CSV (RFC 4180).
    ///
    /// One line for each way in which a role comes to an action.
    pub fn to_csv(&self) -> String {
        self.whole().to_csv()
    }

    /// The effective table as Markdown.
    pub fn to_markdown(&self) -> String {
        self.whole().to_markdown()
    }

    /// The part for a reader who may see the roles for which `visible` says yes.
    pub fn visible_to(&self, visible: impl Fn(&str) -> bool) -> MatrixView<'_> {
        MatrixView::of(self, visible)
    }

    fn whole(&self) -> MatrixView<'_> {
        self.visible_to(|_| true)
    }
}

impl MatrixView<'_> {
    /// As [`Matrix::to_json`].
    pub fn to_json(&self) -> String {
        json::table(self).to_string()
    }

    /// As [`Matrix::to_csv`].
    pub fn to_csv(&self) -> String {
        csv::Lines(self).to_string()
    }

    /// As [`Matrix::to_markdown`].
    pub fn to_markdown(&self) -> String {
        markdown::Page(self).to_string()
    }
}
