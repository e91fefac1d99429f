//! Tables, readable as text and as Markdown.

use std::fmt;

use super::load::Load;
use super::rounds::{Rounds, Spread};

/// The cell of a missing figure.
const MISSING: &str = "–";

/// A table: text columns on the left, figure columns on the right.
pub(crate) struct Table {
    words: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(words: &[&str], figures: &[&str]) -> Table {
        let head = words.iter().chain(figures).map(|&title| title.to_owned()).collect();
        Table { words: words.len(), rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a row for each of two servers, with the ratios of the second to the first, and returns the better ratio.
    pub(crate) fn compare(&mut self, names: [(&str, &str); 2], first: &Rounds, second: &Rounds) -> Option<f64> {
        let ratios = [second.to(first, |load| Some(load.per_second())), first.to(second, Load::cpu_micros)];
        for ((name, server), rounds, ratios) in [(names[0], first, [None, None]), (names[1], second, ratios)] {
            let [throughput, cpu] = ratios.map(|ratio: Option<Spread>| ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
            self.row(vec![name.to_owned(), server.to_owned(), rounds.per_second(), throughput, rounds.cpu(), cpu]);
        }
        ratios.into_iter().flatten().map(|ratio| ratio.median).reduce(f64::max)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default().max(3)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column < self.words {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    write!(f, "|{dashes}{}", if column < self.words { "-" } else { ":" })?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Writes a figure that may be missing.
pub(crate) fn optional<T>(figure: Option<T>, text: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| MISSING.to_owned(), text)
}

/// Writes a whole number with commas between thousands.
pub(crate) fn thousands(number: impl fmt::Display) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
