//! A text table whose columns have the width of their longest cell.

use std::fmt;

/// Rows of cells, printed as one line for each row.
pub(crate) struct Table<const N: usize>(pub(crate) Vec<[String; N]>);

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; N];
        for row in &self.0 {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.0 {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_as_wide_as_its_widest_cell() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let table = Table(vec![row("é", "long one"), row("three", "x")]);
        assert_eq!(table.to_string(), "é      long one\nthree  x\n");
    }
}
