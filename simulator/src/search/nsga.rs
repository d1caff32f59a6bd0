//! Ranking by what nothing is ahead of [Deb et al. 2002, sections III.A and III.B]. More is wanted of every value.

/// Whether one is ahead of the other somewhere and behind nowhere.
fn ahead(one: &[f64], other: &[f64]) -> bool {
    one.iter().zip(other).all(|(a, b)| a >= b) && one.iter().zip(other).any(|(a, b)| a > b)
}

/// Places in groups: those that nothing is ahead of, then those that only these are ahead of, and so on.
pub fn fronts(values: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let count = |one: &[f64]| values.iter().filter(|other| ahead(other, one)).count();
    let mut behind: Vec<usize> = values.iter().map(|one| count(one)).collect();
    let mut left: Vec<usize> = (0..values.len()).collect();
    let mut fronts = Vec::new();
    while !left.is_empty() {
        let (front, rest): (Vec<usize>, Vec<usize>) =
            left.iter().partition(|place| behind.get(**place).is_some_and(|count| *count == 0));
        if front.is_empty() {
            // Only values that are no numbers lead here.
            fronts.push(rest);
            break;
        }
        for place in &rest {
            let of = values.get(*place).map_or(&[][..], Vec::as_slice);
            let fewer = front.iter().filter(|by| values.get(**by).is_some_and(|by| ahead(by, of))).count();
            if let Some(count) = behind.get_mut(*place) {
                *count = count.saturating_sub(fewer);
            }
        }
        fronts.push(front);
        left = rest;
    }
    fronts
}

/// How much room each of some places has on its front; infinite at the ends.
pub fn crowding(values: &[Vec<f64>], places: &[usize]) -> Vec<f64> {
    let mut room = vec![0.0; places.len()];
    let objectives = values.first().map_or(0, Vec::len);
    for objective in 0..objectives {
        let value = |of: usize| {
            places.get(of).and_then(|place| values.get(*place)?.get(objective)).copied().unwrap_or(0.0)
        };
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|a, b| value(*a).total_cmp(&value(*b)).then(a.cmp(b)));
        let (Some(first), Some(last)) = (order.first().copied(), order.last().copied()) else { continue };
        let span = value(last) - value(first);
        for end in [first, last] {
            if let Some(room) = room.get_mut(end) {
                *room = f64::INFINITY;
            }
        }
        for three in order.windows(3) {
            if let ([before, here, after], true) = (three, span > 0.0)
                && let Some(room) = room.get_mut(*here)
            {
                *room += (value(*after) - value(*before)) / span;
            }
        }
    }
    room
}

/// Every place, by front and then by room.
pub(super) fn ranked(values: &[Vec<f64>]) -> Vec<usize> {
    let each = fronts(values).into_iter().flat_map(|front| {
        let mut by_room: Vec<(f64, usize)> = crowding(values, &front).into_iter().zip(front).collect();
        by_room.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        by_room.into_iter().map(|(_, place)| place)
    });
    each.collect()
}
