//! `thresholds`.

use crate::{
    cli::{
        args::{Global, Thresholds},
        files,
        progress::Progress,
        render,
        report::Report,
    },
    control::api::{Failure, Update},
    thresholds::{Preset, Question, Source, csv, plot, study},
};

/// The most registers at once: the picture has as many kinds of line.
const MOST_REGISTERS: usize = 6;

/// Makes the figures and writes the files that were asked for.
///
/// # Errors
/// [`Failure`] of a file that cannot be read or written, and of figures that cannot be made.
pub(super) fn run(global: &Global, options: Thresholds) -> Result<Report, Failure> {
    let Thresholds { csv: table, svg, .. } = &options;
    super::free(table.as_deref())?;
    super::free(svg.as_deref())?;
    if table.is_some() && table == svg {
        return Err(Failure::input("--csv and --svg name the same file").with_help("name two files"));
    }
    let (table, svg) = (table.clone(), svg.clone());
    let question = question(options)?;
    let mut progress = Progress::new(global.quiet, global.verbose);
    let made = study::study(&question, &mut |what, done, total| {
        let (task, phase) = ("thresholds".to_owned(), what.to_owned());
        progress.show(&Update { task, phase, done, total, lasting: false });
    });
    progress.end();
    let study = made?;
    let mut text = render::thresholds(&study);
    if table.is_some() || svg.is_some() {
        text.push('\n');
    }
    if let Some(file) = table {
        files::save(&file, &csv::csv(&study)?)?;
        text += &format!("\nWrote the figures to {}.", file.display());
    }
    if let Some(file) = svg {
        files::save(&file, &plot::svg(&study))?;
        text += &format!("\nDrew the trade-off into {}.", file.display());
    }
    Report::new(text, &study)
}

fn question(options: Thresholds) -> Result<Question, Failure> {
    let mut records = Vec::new();
    for size in options.records {
        if !records.contains(&size) {
            records.push(size);
        }
    }
    if records.len() > MOST_REGISTERS {
        return Err(Failure::input(format!("--records names {} sizes", records.len()))
            .with_help("name at most six; the command can be run again for others"));
    }
    let alternatives = options.alternatives.unwrap_or(options.modality.map_or(1, Preset::alternatives));
    let source = match (options.modality, options.templates) {
        (Some(preset), _) => Source::Synthetic(preset, options.people),
        (None, Some(file)) => Source::File(file),
        (None, None) => return Err(Failure::input("neither --modality nor --templates was given")),
    };
    Ok(Question {
        source,
        seed: options.seed,
        pairs: usize::try_from(options.pairs).unwrap_or(usize::MAX),
        records,
        alternatives,
        prior_permille: options.prior_permille,
        false_permille: options.false_hits,
        thresholds: options.thresholds,
    })
}
