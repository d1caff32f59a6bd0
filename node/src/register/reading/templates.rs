//! The templates of a line.

use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use symbolon_policy::words::FormName;
use symbolon_protocol::matching::{
    projection::WIDEST,
    template::{LONGEST, SHORTEST, Template, TemplateError},
};
use zeroize::Zeroizing;

use super::{
    super::{
        json::Value,
        reject::{Fault, Path, Reason},
        template::{Enrolled, MAX_TEMPLATES, Sample, floats},
    },
    Map, list, text,
};

/// Reads the list of templates of a record.
pub(super) fn templates(at: &Path<'_>, value: Value<'_>) -> Result<Vec<Enrolled>, Fault> {
    let items = list(at, value)?;
    if items.len() > MAX_TEMPLATES {
        return Err(Fault::at(at, Reason::ManyTemplates));
    }
    let mut templates: Vec<Enrolled> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate().filter(|(_, item)| *item != Value::Null) {
        let at = Path::Item(at, index);
        let template = template(at, item)?;
        let known = |other: &Enrolled| (other.position, &other.kind) == (template.position, &template.kind);
        if templates.iter().any(known) {
            return Err(Fault::at(&at, Reason::SecondTemplate));
        }
        templates.push(template);
    }
    Ok(templates)
}

fn template(at: Path<'_>, value: Value<'_>) -> Result<Enrolled, Fault> {
    let mut map = Map::new(at, value)?;
    let position = map.word("position")?;
    let kind = map.word::<FormName>("kind")?;
    let quality = quality(&mut map)?;
    let sample = match map.optional("embedding") {
        Some(value) => Sample::Embedding(embedding(&map.at("embedding"), value)?),
        None => {
            let length = map.required("length")?;
            let length = self::length(&map.at("length"), &length)?;
            Sample::Bits(bits(&mut map, length)?)
        }
    };
    map.finish()?;
    Ok(Enrolled { position, kind, quality, sample })
}

/// Reads the quality, if it is there.
pub(in super::super) fn quality(map: &mut Map<'_, '_>) -> Result<Option<u8>, Fault> {
    let Some(value) = map.optional("quality") else { return Ok(None) };
    let quality = match value {
        Value::Number(number @ 0..=100) => u8::try_from(number).ok(),
        _ => None,
    };
    let wrong = || map.fault("quality", Reason::Form("a whole number from 0 to 100"));
    Ok(Some(quality.ok_or_else(wrong)?))
}

/// Reads the length of a template in bits.
pub(in super::super) fn length(at: &Path<'_>, value: &Value<'_>) -> Result<usize, Fault> {
    let length = match value {
        Value::Number(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    let wrong = || Fault::at(at, Reason::Form("a whole number from 128 to 12,800"));
    length.filter(|length| (SHORTEST..=LONGEST).contains(length)).ok_or_else(wrong)
}

/// Reads `bits` and, if it is there, `mask`.
pub(in super::super) fn bits(map: &mut Map<'_, '_>, length: usize) -> Result<Template, Fault> {
    let content = map.required("bits")?;
    let content = binary(&map.at("bits"), content, length)?;
    let mask = map.optional("mask").map(|mask| binary(&map.at("mask"), mask, length)).transpose()?;
    // Each by itself first, so that a fault is named where it is.
    let fault = |name: &str, error| {
        let reason = match error {
            TemplateError::Bytes { expected, found } => Reason::TemplateSize { expected, found },
            TemplateError::Rest => Reason::Form("0 in the bits after the last position"),
            TemplateError::Length(_) => Reason::Form("of 128 to 12,800 bits"),
        };
        map.fault(name, reason)
    };
    Template::from_bytes(length, &content, None).map_err(|error| fault("bits", error))?;
    let mask = mask.as_ref().map(|mask| mask.as_slice());
    Template::from_bytes(length, &content, mask).map_err(|error| fault("mask", error))
}

/// The bytes of a template in hexadecimal, if text of its size says so, or else in base64.
fn binary(at: &Path<'_>, value: Value<'_>, length: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let text = text(at, value)?;
    let expected = length.div_ceil(8);
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let decoded = if hexadecimal && text.len() == expected.saturating_mul(2) {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().map(Zeroizing::new)
    } else {
        base64(&text)
    };
    match decoded {
        Some(bytes) if bytes.len() == expected => Ok(bytes),
        _ if hexadecimal => {
            Err(Fault::at(at, Reason::TemplateSize { expected, found: text.len().div_ceil(2) }))
        }
        Some(bytes) => Err(Fault::at(at, Reason::TemplateSize { expected, found: bytes.len() })),
        None => Err(Fault::at(at, Reason::Form("hexadecimal or base64"))),
    }
}

/// RFC 4648 sections 4 and 5, with padding or without; bits past the last byte must be zero.
fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let standard = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let standard: Zeroizing<Vec<u8>> = Zeroizing::new(bare.bytes().map(standard).collect());
    BASE64_NOPAD.decode(&standard).ok().map(Zeroizing::new)
}

/// Reads an embedding: a list of numbers, or 32-bit floats (little-endian) in base64.
pub(in super::super) fn embedding(at: &Path<'_>, value: Value<'_>) -> Result<Zeroizing<Vec<f32>>, Fault> {
    let numbers = match value {
        Value::List(items) => {
            let numbers = items.iter().take(WIDEST.saturating_add(1)).enumerate().map(|(index, item)| {
                let number = match item {
                    Value::Number(number) => Some(*number as f32),
                    Value::Real(number) => Some(*number as f32),
                    _ => None,
                };
                let finite = || Fault::at(&Path::Item(at, index), Reason::Form("a finite 32-bit number"));
                number.filter(|number| number.is_finite()).ok_or_else(finite)
            });
            Zeroizing::new(numbers.collect::<Result<Vec<_>, _>>()?)
        }
        Value::Text(text) => {
            let form = Reason::Form("a list of numbers or base64 of 32-bit floats");
            let floats = base64(&text).and_then(|bytes| floats(&bytes));
            floats.ok_or_else(|| Fault::at(at, form))?
        }
        _ => return Err(Fault::at(at, Reason::Type("a list of numbers or text in quotation marks"))),
    };
    let wrong = |form| Err(Fault::at(at, Reason::Form(form)));
    match numbers {
        _ if !(1..=WIDEST).contains(&numbers.len()) => wrong("1 to 4,096 numbers"),
        _ if !numbers.iter().all(|number| number.is_finite()) => wrong("made of finite numbers"),
        _ if numbers.iter().all(|number| *number == 0.0) => wrong("other than all zeros"),
        numbers => Ok(numbers),
    }
}

#[cfg(test)]
mod tests;
