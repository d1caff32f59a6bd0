//! Rotations of an iris code.
//!
//! A head that is tilted turns the iris, which shifts the code around. A code is written column by
//! column, one column an angle, so a rotation by one angle is a circular shift by one column.

use zeroize::Zeroizing;

use super::template::{Template, TemplateError};

/// The template shifted around so that position 0 comes to `by`, masks with bits.
///
/// # Errors
/// None for a template's own positions; the type is that of [`Template::from_positions`].
pub fn rotated(template: &Template, by: usize) -> Result<Template, TemplateError> {
    // Sized at once: growing would leave copies behind.
    let mut positions = Zeroizing::new(Vec::with_capacity(template.length()));
    positions.extend(template.positions());
    let by = by.checked_rem(positions.len()).unwrap_or(0);
    positions.rotate_right(by);
    Template::from_positions(&positions)
}

/// The alternatives of a query that allows for rotations of up to `most` columns of `column`
/// positions either way: 2·most + 1 templates, the unrotated one first.
///
/// # Errors
/// As [`rotated`].
pub fn rotations(template: &Template, column: usize, most: u16) -> Result<Vec<Template>, TemplateError> {
    let length = template.length();
    let right = (1..=usize::from(most)).map(|step| step.saturating_mul(column) % length.max(1));
    let both = right.flat_map(|by| [by, length.saturating_sub(by)]);
    std::iter::once(0).chain(both).map(|by| rotated(template, by)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_go_both_ways_and_come_around() {
        let mut positions = vec![Some(false); 160];
        (positions[0], positions[8]) = (Some(true), None);
        let template = Template::from_positions(&positions).unwrap();
        let places = |template: &Template| {
            let find = |wanted| template.positions().position(|position| position == wanted).unwrap();
            (find(Some(true)), find(None))
        };
        let all = rotations(&template, 16, 2).unwrap();
        let found: Vec<_> = all.iter().map(places).collect();
        assert_eq!(found, [(0, 8), (16, 24), (144, 152), (32, 40), (128, 136)]);
        assert_eq!(rotated(&all[1], 144).unwrap(), template);
        assert_eq!(rotated(&template, 160 * 3).unwrap(), template);
        assert_eq!(rotations(&template, 16, 0).unwrap(), [template]);
    }
}
