//! Canonical bytes read back: what an identifier says, for a person who audits what was asked.

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::{CANONICALISATION, Kind};

/// What an identifier says. `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// Its kind.
    pub kind: Kind,
    /// Its fields in canonical form: what each is called, and what it says. A digest is in hexadecimal digits.
    pub fields: Vec<(&'static str, Zeroizing<String>)>,
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plain({}, ..)", self.kind)
    }
}

/// What the fields of a kind are called, in the order of the canonical form.
fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::TravelDocument => &["number", "state", "birth_date"],
        Kind::RegistrationNumber => &["number", "state"],
        Kind::NameBirth => &["name", "birth_date"],
        Kind::BiometricDigest => &["extractor", "digest"],
    }
}

/// Reads canonical bytes under [`CANONICALISATION`]; nothing if they are of no such form. That an honest node would
/// have made them of anything is not checked.
pub fn read(bytes: &[u8]) -> Option<Plain> {
    let (kind, mut rest) = bytes.strip_prefix(CANONICALISATION.as_bytes())?.split_first()?;
    let kind = Kind::ALL.into_iter().find(|known| known.byte() == *kind)?;
    let mut fields = Vec::new();
    for name in names(kind) {
        let (length, after) = rest.split_first()?;
        let (field, left) = after.split_at_checked(usize::from(*length))?;
        fields.push((*name, text(name, field)?));
        rest = left;
    }
    rest.is_empty().then_some(Plain { kind, fields })
}

/// A field as text that can be shown: nothing in it moves the cursor of a terminal.
fn text(name: &str, field: &[u8]) -> Option<Zeroizing<String>> {
    if name == "digest" {
        return Some(Zeroizing::new(HEXLOWER.encode(field)));
    }
    let text = std::str::from_utf8(field).ok()?;
    (!text.chars().any(char::is_control)).then(|| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{super::RawIdentifier, *};

    fn raw(json: &str) -> RawIdentifier {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_kind_reads_back_and_nothing_else_does() {
        let digest = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210".to_owned();
        let cases = [
            (
                r#"{"kind":"travel-document","number":"p 1234567","state":"RS","birth_date":"1990-02-03"}"#
                    .to_owned(),
                vec![("number", "P1234567"), ("state", "SRB"), ("birth_date", "1990-02-03")],
            ),
            (
                r#"{"kind":"name-birth","family":"Marić","given":"Ana","birth_date":"1990-02-03"}"#
                    .to_owned(),
                vec![("name", "ana marik"), ("birth_date", "1990-02-03")],
            ),
            (
                format!(r#"{{"kind":"biometric-digest","extractor":"iris/2","digest":"{digest}"}}"#),
                vec![("extractor", "iris/2"), ("digest", digest.as_str())],
            ),
        ];
        for (json, says) in cases {
            let canonical = raw(&json).canonical().unwrap();
            let plain = read(canonical.bytes()).unwrap();
            assert_eq!(plain.kind, canonical.kind());
            let fields: Vec<_> = plain.fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            assert_eq!(fields, says);
            assert!(!format!("{plain:?}").contains("1990"), "no value in Debug");
            for end in 0..canonical.bytes().len() {
                assert_eq!(read(&canonical.bytes()[..end]), None, "cut at {end}");
            }
            assert_eq!(read(&[canonical.bytes(), b"x"].concat()), None);
        }
        let [label, kind] = [CANONICALISATION.as_bytes(), &[2]];
        assert_eq!(read(&[label, kind, b"\x02\x1b[", b"\x03SRB"].concat()), None, "a control character");
        assert_eq!(read(&[label, b"\x09", b"\x01A"].concat()), None, "no such kind");
        assert_eq!(read(b"symbolon/count-dummy/1\0\0\0\0\0"), None, "a dummy is no identifier");
    }
}
