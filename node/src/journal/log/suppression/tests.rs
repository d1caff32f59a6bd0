//! An oracle that knows nothing of the method: it looks for tables with which everything published adds up.

use proptest::prelude::*;

use super::*;

/// Numbers as a reader has them: those published, and unknown ones.
struct Puzzle {
    /// Published, or not.
    values: Vec<Option<u64>>,
    /// Which numbers add up to which one.
    sums: Vec<(Vec<usize>, usize)>,
    most: u64,
}

/// Places of the numbers in a puzzle.
struct Places {
    cells: Vec<Grid<usize>>,
    rows: Grid<usize>,
    months: Vec<usize>,
    total: usize,
}

fn places(tables: &[Grid<u64>]) -> Places {
    let mut next = 0..;
    let mut place = || next.next().unwrap();
    let cells =
        tables.iter().map(|t| t.iter().map(|r| r.iter().map(|_| place()).collect()).collect()).collect();
    let rows = tables.iter().map(|t| t.iter().map(|_| place()).collect()).collect();
    let months = tables[0][0].iter().map(|_| place()).collect();
    Places { cells, rows, months, total: place() }
}

/// All true numbers in the order of their places.
fn truth(tables: &[Grid<u64>]) -> Vec<u64> {
    let cells = tables.iter().flatten().flatten().copied();
    let rows = tables.iter().flatten().map(|row| row.iter().sum::<u64>());
    let months = (0..tables[0][0].len()).map(|at| tables[0].iter().map(|row| row[at]).sum::<u64>());
    let total = tables[0].iter().flatten().sum::<u64>();
    cells.chain(rows).chain(months).chain([total]).collect()
}

fn hidden(marks: &Marks) -> Vec<bool> {
    let cells = marks.cells.iter().flatten().flatten();
    let rows = marks.rows.iter().flatten();
    cells.chain(rows).chain(&marks.months).chain([&marks.total]).copied().collect()
}

fn puzzle(tables: &[Grid<u64>], marks: &Marks) -> Puzzle {
    let at = places(tables);
    let mut sums = vec![(at.months.clone(), at.total)];
    for (cells, rows) in at.cells.iter().zip(&at.rows) {
        sums.push((rows.clone(), at.total));
        sums.extend(cells.iter().zip(rows).map(|(row, total)| (row.clone(), *total)));
        for (month, total) in at.months.iter().enumerate() {
            sums.push((cells.iter().map(|row| row[month]).collect(), *total));
        }
    }
    let truth = truth(tables);
    let values = truth.iter().zip(hidden(marks)).map(|(value, hidden)| (!hidden).then_some(*value)).collect();
    Puzzle { values, sums, most: *truth.last().unwrap() + 6 }
}

impl Puzzle {
    /// Whether there are numbers that add up, with this one set.
    fn possible(&self, place: usize, value: u64) -> bool {
        let mut ranges: Vec<(u64, u64)> =
            self.values.iter().map(|known| known.map_or((0, self.most), |v| (v, v))).collect();
        ranges[place] = (value, value);
        self.solve(ranges)
    }

    /// Narrows all ranges by all sums, then tries the narrowest open one.
    fn solve(&self, mut ranges: Vec<(u64, u64)>) -> bool {
        loop {
            let before = ranges.clone();
            for (parts, whole) in &self.sums {
                let low: u64 = parts.iter().map(|p| ranges[*p].0).sum();
                let high: u64 = parts.iter().map(|p| ranges[*p].1).sum();
                let (l, h) = ranges[*whole];
                ranges[*whole] = (l.max(low), h.min(high));
                let (l, h) = ranges[*whole];
                for part in parts {
                    let (pl, ph) = ranges[*part];
                    let least = l.saturating_sub(high - ph);
                    let Some(most) = h.checked_sub(low - pl) else { return false };
                    ranges[*part] = (pl.max(least), ph.min(most));
                    if ranges[*part].0 > ranges[*part].1 {
                        return false;
                    }
                }
                if l > h {
                    return false;
                }
            }
            if ranges == before {
                break;
            }
        }
        let open = (0..ranges.len()).filter(|p| ranges[*p].0 < ranges[*p].1);
        let Some(next) = open.min_by_key(|p| ranges[*p].1 - ranges[*p].0) else { return true };
        let (low, high) = ranges[next];
        (low..=high).any(|value| {
            let mut tried = ranges.clone();
            tried[next] = (value, value);
            self.solve(tried)
        })
    }

    /// How many values a number can have, counted up to `enough`.
    fn values(&self, place: usize, enough: u64) -> u64 {
        let mut found = 0;
        for value in 0..=self.most {
            found += u64::from(self.possible(place, value));
            if found == enough {
                break;
            }
        }
        found
    }
}

/// What is small, and in it the place of the first one of which there are too few values.
fn given_away(tables: &[Grid<u64>], marks: &Marks, threshold: u64) -> Option<usize> {
    let puzzle = puzzle(tables, marks);
    let small = truth(tables).into_iter().enumerate().filter(|(_, value)| *value > 0 && *value < threshold);
    let mut small = small.map(|(place, _)| place);
    small.find(|place| puzzle.values(*place, threshold) < threshold)
}

/// Tables of the same queries: each goes to a row of every table, in one month.
fn tables(rows: &[usize], months: usize, queries: &[(usize, u64)]) -> Vec<Grid<u64>> {
    let mut tables: Vec<Grid<u64>> = rows.iter().map(|rows| vec![vec![0; months]; *rows]).collect();
    for (draw, many) in queries {
        let (month, mut rest) = (draw % months, draw / months);
        for table in &mut tables {
            let count = table.len();
            table[rest % count][month] += many;
            rest /= count;
        }
    }
    tables
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_small_cell_can_be_told_to_closer_than_the_threshold(
        rows in prop::collection::vec(1_usize..4, 1..4),
        months in 1_usize..4,
        queries in prop::collection::vec((0_usize..10_000, prop_oneof![1_u64..4, 3_u64..20]), 1..9),
        threshold in 2_u64..7,
    ) {
        let tables = tables(&rows, months, &queries);
        let marks = suppress(&tables, threshold);
        prop_assert_eq!(given_away(&tables, &marks, threshold), None, "{:?}\n{:?}", tables, marks);
    }
}

#[test]
fn without_complementary_suppression_the_oracle_gets_the_cell_back() {
    let tables = vec![vec![vec![2, 30], vec![20, 40]]];
    let naive = Marks {
        cells: vec![vec![vec![true, false], vec![false, false]]],
        rows: vec![vec![false, false]],
        months: vec![false, false],
        total: false,
    };
    assert_eq!(given_away(&tables, &naive, 5), Some(0), "the oracle can solve");
    let marks = suppress(&tables, 5);
    assert_eq!(given_away(&tables, &marks, 5), None);
    assert_eq!(marks.cells, [[[true, true], [true, true]]]);
    assert_eq!((&marks.rows, &marks.months, marks.total), (&vec![vec![false; 2]], &vec![false; 2], false));
}

#[test]
fn a_small_month_is_left_out_of_every_table_with_a_second_month() {
    // One partner; two purposes. The second month has three queries.
    let tables = vec![vec![vec![49, 3, 50]], vec![vec![40, 2, 20], vec![9, 1, 30]]];
    let marks = suppress(&tables, 5);
    assert_eq!(marks.months, [true, true, false], "the smaller of the others goes with it");
    assert_eq!(given_away(&tables, &marks, 5), None);
    assert!(!marks.total && !marks.cells[0][0][2] && !marks.cells[1][1][2]);
    // Where one more month does not help, a third does.
    let tables = vec![vec![vec![40, 3, 50]], vec![vec![40, 2, 20], vec![0, 1, 30]]];
    let marks = suppress(&tables, 5);
    assert_eq!((&marks.months, marks.total), (&vec![false, true, true], false));
    assert_eq!(given_away(&tables, &marks, 5), None);
}

#[test]
fn large_cells_are_published_and_few_queries_are_not() {
    let large = vec![vec![vec![5, 0], vec![7, 90]]];
    let marks = suppress(&large, 5);
    assert!(hidden(&marks).iter().all(|hidden| !hidden), "{marks:?}");
    let few = vec![vec![vec![1, 1], vec![1, 1]]];
    assert!(hidden(&suppress(&few, 5)).iter().all(|hidden| *hidden));
    assert!(hidden(&suppress(&few, 1)).iter().all(|hidden| !hidden), "nothing is below 1 and above 0");
    assert_eq!(suppress(&[], 5), Marks { cells: vec![], rows: vec![], months: vec![], total: false });
}
