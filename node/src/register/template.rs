//! Templates as records carry them: any number, each from a place on the body and of one extractor.
//!
//! A template is given as bits, or as an embedding from which the bits of an agreement are made when a slice
//! is read; so an embedding outlives every agreement and its seed (`docs/templates.md`).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use symbolon_policy::{
    agreement::FormTerms,
    words::{FormName, Position},
};
use symbolon_protocol::matching::{projection::Projection, template::Template};
use zeroize::Zeroizing;

use super::stored::Spoilt;

/// Most templates in a record.
pub const MAX_TEMPLATES: usize = 64;

/// What is shown of a template: everything but its bits or numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateNote {
    /// Where it was taken.
    pub position: Position,
    /// The extractor and its version; an agreement's form of this name is served by it.
    pub kind: FormName,
    /// Bits, if it was given as bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Numbers, if it was given as an embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// From 0 to 100, as the extractor says. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
}

/// A template as a line gives it.
pub(super) struct Enrolled {
    pub(super) position: Position,
    pub(super) kind: FormName,
    pub(super) quality: Option<u8>,
    pub(super) sample: Sample,
}

/// What a template holds.
pub(super) enum Sample {
    Bits(Template),
    /// 1 to 4,096 finite numbers, not all of them 0.
    Embedding(Zeroizing<Vec<f32>>),
}

impl Enrolled {
    /// What is shown of it.
    pub(super) fn note(&self) -> TemplateNote {
        let (length, dimensions) = match &self.sample {
            Sample::Bits(template) => (Some(number(template.length())), None),
            Sample::Embedding(numbers) => (None, Some(number(numbers.len()))),
        };
        let (position, kind) = (self.position, self.kind.clone());
        TemplateNote { position, kind, length, dimensions, quality: self.quality }
    }
}

impl fmt::Debug for Enrolled {
    /// Shows where it was taken only: the rest is biometric data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolled").field("position", &self.position).finish_non_exhaustive()
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A template as it is encoded: position, kind, quality, length in bits (none for an embedding), bits or
/// 32-bit floats (little-endian), and the mask if something is masked.
#[derive(Serialize, Deserialize)]
pub(super) struct Part<'a>(
    &'a str,
    &'a str,
    Option<u8>,
    Option<u32>,
    #[serde(borrow)] &'a Bytes,
    #[serde(borrow)] Option<&'a Bytes>,
);

/// Bytes of each float.
const FLOAT: usize = size_of::<f32>();

/// Encodes the templates of a record.
pub(super) fn encode(templates: &[Enrolled]) -> Result<Zeroizing<Vec<u8>>, Spoilt> {
    let content = |enrolled: &Enrolled| match &enrolled.sample {
        Sample::Bits(template) => {
            let (bits, mask) = template.to_bytes();
            let mask = Some(Zeroizing::new(mask)).filter(|_| template.usable() < template.length());
            (Zeroizing::new(bits), mask)
        }
        Sample::Embedding(numbers) => {
            // Sized at once: growing would leave copies behind.
            let mut bytes = Zeroizing::new(Vec::with_capacity(numbers.len().saturating_mul(FLOAT)));
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            (bytes, None)
        }
    };
    let contents: Vec<_> = templates.iter().map(content).collect();
    let parts = templates.iter().zip(&contents).map(|(enrolled, (bytes, mask))| {
        let length = match &enrolled.sample {
            Sample::Bits(template) => Some(number(template.length())),
            Sample::Embedding(_) => None,
        };
        let (position, kind) = (enrolled.position.as_str(), enrolled.kind.as_str());
        let mask = mask.as_ref().map(|mask| Bytes::new(mask));
        Part(position, kind, enrolled.quality, length, Bytes::new(bytes), mask)
    });
    let parts: Vec<Part<'_>> = parts.collect();
    serde_ipld_dagcbor::to_vec(&parts).map(Zeroizing::new).map_err(|_| Spoilt)
}

/// The templates of a record as they were encoded.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Part<'_>>, Spoilt> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|_| Spoilt)
}

impl Part<'_> {
    /// What is shown of it.
    pub(super) fn note(&self) -> Result<TemplateNote, Spoilt> {
        let Part(position, kind, quality, length, content, _) = *self;
        let (position, kind) = (position.parse().map_err(|_| Spoilt)?, kind.parse().map_err(|_| Spoilt)?);
        let dimensions = if length.is_none() { Some(number(content.len() / FLOAT)) } else { None };
        Ok(TemplateNote { position, kind, length, dimensions, quality })
    }

    pub(super) fn is_at(&self, position: Position) -> bool {
        self.0 == position.as_str()
    }

    /// Whether it can be compared under a form: it is of the kind that the form is named after and of its
    /// length or, where the form has a projection, an embedding of its dimensions. Bits made elsewhere serve no
    /// form with a projection: they are not of the agreement's seed.
    pub(super) fn serves(&self, form: &FormTerms) -> bool {
        let Part(position, kind, _, length, content, mask) = *self;
        let modality =
            position.parse::<Position>().is_ok_and(|position| position.modality() == form.modality);
        let fits = match (&form.projection, length) {
            (None, Some(length)) => length == form.length && (form.masked || mask.is_none()),
            (Some(projection), None) => number(content.len() / FLOAT) == projection.dimensions,
            _ => false,
        };
        modality && fits && kind == form.name.as_str()
    }

    /// The template for a form that it serves; `projection` is that of the form.
    pub(super) fn template(&self, projection: Option<&Projection>) -> Result<Template, Spoilt> {
        let Part(.., length, content, mask) = self;
        match (projection, length) {
            (None, Some(length)) => {
                let length = usize::try_from(*length).map_err(|_| Spoilt)?;
                Template::from_bytes(length, content, mask.map(|mask| &**mask)).map_err(|_| Spoilt)
            }
            (Some(projection), None) => {
                projection.template(&floats(content).ok_or(Spoilt)?).map_err(|_| Spoilt)
            }
            _ => Err(Spoilt),
        }
    }
}

/// 32-bit floats out of their bytes, if these are whole floats.
pub(super) fn floats(bytes: &[u8]) -> Option<Zeroizing<Vec<f32>>> {
    let (floats, rest) = bytes.as_chunks::<FLOAT>();
    rest.is_empty().then(|| Zeroizing::new(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
}
