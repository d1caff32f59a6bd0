//! Finds the line of a scenario in which a path stands.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The line, from 1, of the longest part of `path` that the text has, such as `party.RS.cores` or
/// `route[3].weight`.
pub(super) fn line_of(text: &str, path: &str) -> usize {
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut table = Some(root.get_ref());
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    let mut offset = 0;
    let steps = steps(path);
    for (at, step) in steps.iter().enumerate() {
        let next = match (step.parse::<usize>(), value.map(Spanned::get_ref)) {
            (Ok(place), Some(DeValue::Array(items))) => {
                items.get(place).map(|item| (item.span().start, item))
            }
            // The rest may be one key that has dots.
            _ => table.and_then(|table| {
                let rest = steps.get(at..).unwrap_or_default().join(".");
                let found = table.get_key_value(step.as_str()).or_else(|| table.get_key_value(rest.as_str()));
                found.map(|(key, value)| (key.span().start, value))
            }),
        };
        let Some((start, found)) = next else { break };
        offset = start;
        table = match found.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
        value = Some(found);
    }
    line_at(text, offset)
}

/// The line of a byte, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1)
}

fn steps(path: &str) -> Vec<String> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty()).map(str::to_owned).collect()
}
