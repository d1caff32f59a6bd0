//! The patterns of people, and a search for all of them at once.
//!
//! Of every spelling: each field as written, in upper and in lower case; both orders of the full name; each canonical
//! field; the canonical bytes. Of all these the SHA-256 and SHA-512, and of the canonical bytes the group element
//! that the protocol would blind. A hash is searched for by its first eight bytes, raw, in hexadecimal of either case
//! and in base64 of either alphabet, so that a truncated one is found as well.
//!
//! Of every template: its bits in blocks of 24 bytes, each in the order of the file and in that of memory, raw, in
//! hexadecimal and in base64; and the SHA-256 and SHA-512 of all of them.
//!
//! Text below six bytes, such as a short given name, would be found in random bytes by chance. It is searched for in
//! the full name and as hashes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use sha2::{Digest, Sha256, Sha512};
use symbolon_protocol::{
    identifier::{CANONICALISATION, RawIdentifier},
    matching::template::Template,
    oprf::{Mode, element},
};

use crate::demo::{people::Asked, spelling::Spelling};

/// The first bytes of a pattern, by which it is found. No pattern is shorter.
const START: usize = 6;
/// Bytes of a hash that are searched for.
const PREFIX: usize = 8;
/// Digits of base64 that depend on these bytes alone.
const BASE64_DIGITS: usize = 10;

/// Bytes of a template that are searched for by themselves; whole digits of base64.
const BLOCK: usize = 24;

const CLEAR: &str = "in clear";
const TEMPLATE: &str = "of templates, in clear";
const SHA256: &str = "as SHA-256";
const SHA512: &str = "as SHA-512";
const ELEMENT: &str = "as group element";

/// What is searched for.
#[derive(Default)]
pub(in crate::demo) struct Patterns {
    by_start: HashMap<[u8; START], Vec<Pattern>>,
    controls: BTreeSet<String>,
}

struct Pattern {
    bytes: Box<[u8]>,
    what: What,
}

#[derive(Clone, PartialEq)]
enum What {
    /// Must not be found; its form.
    Person(&'static str),
    /// Must be found; its name.
    Control(String),
}

/// How often patterns were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) found: BTreeMap<&'static str, u64>,
    pub(super) controls: BTreeMap<String, u64>,
}

impl Patterns {
    /// Adds everything that is known of a person.
    pub(in crate::demo) fn person(&mut self, person: &Asked) {
        self.text(&person.reference);
        self.spelling(&person.asker);
        if let Some((record, spelling)) = &person.holder {
            self.text(record);
            self.spelling(spelling);
        }
    }

    /// Adds a text that must not be found, also in upper and lower case and hashed.
    pub(in crate::demo) fn text(&mut self, text: &str) {
        for text in BTreeSet::from([text.to_owned(), text.to_uppercase(), text.to_lowercase()]) {
            self.clear(text.as_bytes());
        }
    }

    /// Adds a template that must not be found, nor any part of it.
    pub(in crate::demo) fn template(&mut self, template: &Template) {
        let (bits, _) = template.to_bytes();
        let turned: Vec<u8> = bits.iter().map(|byte| byte.reverse_bits()).collect();
        for bytes in [bits, turned] {
            self.hash(SHA256, &Sha256::digest(&bytes));
            self.hash(SHA512, &Sha512::digest(&bytes));
            // What is masked is 0, and zeros are everywhere.
            let varied = |block: &&[u8]| block.iter().any(|byte| Some(byte) != block.first());
            for block in bytes.chunks_exact(BLOCK).filter(varied) {
                self.add(block, What::Person(TEMPLATE));
                for base in [HEXLOWER, HEXUPPER, BASE64, BASE64URL] {
                    self.add(base.encode(block).as_bytes(), What::Person(TEMPLATE));
                }
            }
        }
    }

    /// Adds a pattern that must be found; `bytes` are at least six, or it never is.
    pub(in crate::demo) fn control(&mut self, name: &str, bytes: &[u8]) {
        self.controls.insert(name.to_owned());
        self.add(bytes, What::Control(name.to_owned()));
    }

    fn spelling(&mut self, spelling: &Spelling) {
        let Spelling { family, given, born, number, state: _, document_born } = spelling;
        for text in [family, given, born, number, document_born] {
            self.text(text);
        }
        for name in [format!("{family} {given}"), format!("{given} {family}"), format!("{family}, {given}")] {
            self.text(&name);
        }
        for canonical in spelling.identifiers().iter().flat_map(RawIdentifier::canonical) {
            let bytes = canonical.bytes();
            self.clear(bytes);
            fields(bytes).into_iter().for_each(|field| self.clear(field));
            if let Ok(point) = element(bytes, Mode::Verifiable) {
                self.hash(ELEMENT, &point.compress().to_bytes());
            }
        }
    }

    fn clear(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.add(bytes, What::Person(CLEAR));
        self.hash(SHA256, &Sha256::digest(bytes));
        self.hash(SHA512, &Sha512::digest(bytes));
    }

    fn hash(&mut self, form: &'static str, hash: &[u8]) {
        let prefix = hash.get(..PREFIX).unwrap_or(hash);
        self.add(prefix, What::Person(form));
        for base in [HEXLOWER, HEXUPPER] {
            self.add(base.encode(prefix).as_bytes(), What::Person(form));
        }
        for base in [BASE64, BASE64URL] {
            let text = base.encode(prefix);
            self.add(text.as_bytes().get(..BASE64_DIGITS).unwrap_or_default(), What::Person(form));
        }
    }

    fn add(&mut self, bytes: &[u8], what: What) {
        let Some(start) = bytes.first_chunk() else { return };
        let patterns = self.by_start.entry(*start).or_default();
        if patterns.iter().all(|old| *old.bytes != *bytes || old.what != what) {
            patterns.push(Pattern { bytes: bytes.into(), what });
        }
    }

    /// How many patterns of each form must not be found.
    pub(super) fn forms(&self) -> BTreeMap<&'static str, u64> {
        let mut forms = BTreeMap::new();
        for pattern in self.by_start.values().flatten() {
            if let What::Person(form) = pattern.what {
                count(&mut forms, form);
            }
        }
        forms
    }

    /// Finds every occurrence of every pattern.
    pub(super) fn tally<'a>(&self, streams: impl Iterator<Item = &'a [u8]>) -> Tally {
        let controls = self.controls.iter().map(|name| (name.clone(), 0)).collect();
        let mut tally = Tally { found: BTreeMap::new(), controls };
        for stream in streams {
            let mut rest = stream;
            while let Some(start) = rest.first_chunk::<START>() {
                let patterns = self.by_start.get(start).into_iter().flatten();
                for pattern in patterns.filter(|pattern| rest.starts_with(&pattern.bytes)) {
                    match &pattern.what {
                        What::Person(form) => count(&mut tally.found, *form),
                        What::Control(name) => count(&mut tally.controls, name.clone()),
                    }
                }
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        tally
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// The fields of a canonical form: after label and kind, each after its length as one byte.
fn fields(canonical: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    let mut rest = canonical.get(CANONICALISATION.len().saturating_add(1)..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first() {
        let Some((field, after)) = after.split_at_checked(usize::from(*length)) else { break };
        fields.push(field);
        rest = after;
    }
    fields
}
