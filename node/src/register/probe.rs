//! The probe of a match: what an officer's file holds of one person.

#![deny(clippy::arithmetic_side_effects)]

use symbolon_policy::{
    agreement::FormTerms,
    words::{FormName, Position},
};
use symbolon_protocol::{
    matching::{
        projection::{Projection, ProjectionError},
        template::Template,
    },
    seed::Seed,
};

use super::{
    json::Value,
    reading::{
        Map, list,
        templates::{bits, embedding, length, quality},
        utf8,
    },
    reject::{Fault, Path, Reason},
};

/// Most bytes in a probe's file.
pub const MAX_PROBE: usize = 4 << 20;

/// Reads a probe for a query under `form`: one JSON object with the list `alternatives`.
///
/// Each alternative is as a template of a record, but `kind` and `length` may be left out: they are those of
/// the form, and are refused if they are not. Embeddings become bits under the form's seed. There is at least
/// one alternative, and several may be of one position.
///
/// # Errors
/// [`Fault`] with the field and what is wrong with it. It repeats no value.
pub fn probe(file: &[u8], form: &FormTerms) -> Result<Vec<(Position, Template)>, Fault> {
    if file.len() > MAX_PROBE {
        return Err(Fault::line(Reason::LongProbe));
    }
    let text = utf8(file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file))?;
    let value = serde_json::from_str(text).map_err(|error| {
        let before = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len);
        Fault::line(Reason::Json(before.fold(error.column(), usize::saturating_add)))
    })?;
    let mut map = Map::new(Path::Record, value)?;
    let items = map.required("alternatives")?;
    let at = map.at("alternatives");
    let items = list(&at, items)?;
    if items.is_empty() {
        return Err(Fault::at(&at, Reason::Form("a list of one entry or more")));
    }
    if items.len() > usize::from(form.alternatives) {
        return Err(Fault::at(&at, Reason::ManyAlternatives(form.alternatives)));
    }
    let projection = form.projection.as_ref().map(|projection| {
        let wide = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let (dimensions, length) = (wide(projection.dimensions), wide(form.length));
        let made = Projection::new(&Seed::new(projection.seed.0), dimensions, length);
        made.map_err(|_| Fault::at(&at, Reason::Form("for a form with a projection that can be made")))
    });
    let projection = projection.transpose()?;
    let items = items.into_iter().enumerate();
    let alternatives =
        items.map(|(index, item)| alternative(Path::Item(&at, index), item, form, projection.as_ref()));
    let alternatives = alternatives.collect::<Result<_, _>>()?;
    map.finish()?;
    Ok(alternatives)
}

fn alternative(
    at: Path<'_>,
    value: Value<'_>,
    form: &FormTerms,
    projection: Option<&Projection>,
) -> Result<(Position, Template), Fault> {
    let mut map = Map::new(at, value)?;
    let position: Position = map.word("position")?;
    if position.modality() != form.modality {
        return Err(map.fault("position", Reason::Form("a position of the form's modality")));
    }
    if let Some(kind) = map.optional("kind")
        && super::reading::parse::<FormName>(&map.at("kind"), kind)? != form.name
    {
        return Err(map.fault("kind", Reason::Form("the name of the form, or left out")));
    }
    let agreed = usize::try_from(form.length).unwrap_or(usize::MAX);
    if let Some(value) = map.optional("length")
        && length(&map.at("length"), &value)? != agreed
    {
        return Err(map.fault("length", Reason::Form("the length of the form, or left out")));
    }
    quality(&mut map)?;
    let template = match projection {
        Some(projection) => {
            let value = map.required("embedding")?;
            let numbers = embedding(&map.at("embedding"), value)?;
            projection.template(&numbers).map_err(|error| {
                let form = match error {
                    ProjectionError::Shape { .. } => "as many numbers as the form's projection takes",
                    _ => "made of finite numbers that are not all 0",
                };
                map.fault("embedding", Reason::Form(form))
            })?
        }
        None => {
            let template = bits(&mut map, agreed)?;
            if !form.masked && template.usable() < template.length() {
                return Err(map.fault("mask", Reason::Form("left out: the form has no masks")));
            }
            template
        }
    };
    map.finish()?;
    Ok((position, template))
}

#[cfg(test)]
mod tests;
