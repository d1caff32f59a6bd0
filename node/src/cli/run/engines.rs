//! `engines`.

use crate::{
    cli::{args::Engines, render, report::Report},
    control::api::Failure,
    engines::{Question, tell},
};

/// Asks every engine of itself.
///
/// # Errors
/// [`Failure`] if no form follows from the numbers.
pub(super) fn run(options: &Engines) -> Result<Report, Failure> {
    let here = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let question = options.form.map(|length| Question {
        length,
        masked: options.masked,
        threshold: options.threshold,
        records: options.records,
        alternatives: options.alternatives,
        cap: options.cap,
        cores: options.cores.map_or_else(here, usize::from),
        against_asker: options.against_asker.map(Into::into),
        against_holder: options.against_holder.map(Into::into),
    });
    let told = tell(question.as_ref())?;
    Report::new(render::engines(&told), &told)
}
