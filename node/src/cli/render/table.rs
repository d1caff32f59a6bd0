//! Tables and numbers.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table, presets};

/// A table without lines. Columns of numbers stand to the right. A cell is one line, whatever a partner
/// wrote into it.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    grid(&head, rows.into_iter().map(|row| row.to_vec()).collect())
}

/// The same with as many columns as the head has.
pub(super) fn grid(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.to_vec());
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        let mut cells = rows.iter().filter_map(|row| row.get(index)).peekable();
        if cells.peek().is_some() && cells.all(|cell| is_number(cell)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    trimmed(&table)
}

/// Names and values in two columns.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_rows(pairs.iter().map(|(name, value)| [(*name).to_owned(), one_line(value)]));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table)
}

fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether [`number`] wrote it; an id that happens to hold digits only is none.
fn is_number(cell: &str) -> bool {
    cell.replace(',', "").parse().is_ok_and(|value| number(value) == cell)
}

/// A number with commas between thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of an id, enough for people and for `agreement show`.
pub(super) fn short(id: &impl Display) -> String {
    id.to_string().chars().take(12).collect()
}
