//! Exports of the effective table with resolved inheritance: JSON, CSV and Markdown.
//!
//! An export contains the roles that its reader may see, and only those resources and actions on
//! which one of these roles has a grant. The role of a grant is named only if the reader may see
//! it. Words need no escapes in any of the formats.

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
    /// One line for each grant that gives a role an action.
    pub fn to_csv(&self) -> String {
        self.whole().to_csv()
    }

    /// The effective table as Markdown.
    pub fn to_markdown(&self) -> String {
        self.whole().to_markdown()
    }

    /// The part for a reader who may see the roles for which `visible` returns true.
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
