//! The figures as comma-separated values: one line for each threshold and register.

use crate::control::api::Failure;

use super::{Rate, Study};

/// The columns. What was not counted is empty.
const HEADER: [&str; 27] = [
    "threshold",
    "records",
    "fmr_cases",
    "fmr_trials",
    "fmr",
    "fmr_low",
    "fmr_high",
    "fmr_model",
    "fnmr_cases",
    "fnmr_trials",
    "fnmr",
    "fnmr_low",
    "fnmr_high",
    "fnmr_model",
    "fpir_cases",
    "fpir_trials",
    "fpir",
    "fpir_low",
    "fpir_high",
    "fpir_model",
    "fnir_cases",
    "fnir_trials",
    "fnir",
    "fnir_low",
    "fnir_high",
    "fnir_model",
    "false_hits_model",
];

/// Writes a study.
///
/// # Errors
/// None in fact.
pub(crate) fn csv(study: &Study) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let odd = |error: &dyn std::fmt::Display| Failure::local(format!("the table cannot be written: {error}"));
    writer.write_record(HEADER).map_err(|error| odd(&error))?;
    for row in &study.rows {
        for register in &row.registers {
            let mut cells = vec![row.threshold.to_string(), register.records.to_string()];
            let rates = [&row.fmr, &row.fnmr, &register.fpir, &register.fnir];
            cells.extend(rates.into_iter().flat_map(rate));
            cells.push(exact(register.false_hits));
            writer.write_record(cells).map_err(|error| odd(&error))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| odd(&error))?;
    String::from_utf8(bytes).map_err(|error| odd(&error))
}

fn rate(rate: &Rate) -> [String; 6] {
    let model = exact(rate.model);
    let Some(counted) = rate.counted else {
        return [String::new(), String::new(), String::new(), String::new(), String::new(), model];
    };
    let (cases, trials) = (counted.cases.to_string(), counted.trials.to_string());
    [cases, trials, exact(counted.estimate), exact(counted.low), exact(counted.high), model]
}

/// With as many digits as it takes to read the same number back.
fn exact(number: f64) -> String {
    format!("{number:e}")
}
