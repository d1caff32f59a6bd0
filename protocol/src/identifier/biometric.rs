//! Biometric digests: the stable bytes that one version of an extractor yields for one enrolment.

use data_encoding::{BASE64_NOPAD, DecodeError, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::Reason;

/// Checks the name and version of an extractor. Digests of two versions cannot be compared, so the
/// version is part of the identifier.
pub(super) fn extractor(text: &str) -> Result<&str, Reason> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-');
    match text.rsplit_once('/') {
        Some((name, version))
            if text.len() <= 64 && text.bytes().all(allowed) && !name.is_empty() && !version.is_empty() =>
        {
            Ok(text)
        }
        _ => Err(Reason::ExtractorForm),
    }
}

/// The bytes of a digest given in hexadecimal, or else in base64 of either alphabet.
///
/// Text of hexadecimal digits only is read as such. That 43 characters of base64 are all of that sort
/// has a probability below 2^-60.
pub(super) fn digest(text: &str) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let bytes = if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes())
    } else {
        base64(text)
    };
    let bytes = Zeroizing::new(bytes.map_err(|_| Reason::DigestForm)?);
    if !(32..=64).contains(&bytes.len()) {
        return Err(Reason::DigestLength);
    }
    match bytes.split_first() {
        Some((first, rest)) if rest.iter().any(|byte| byte != first) => Ok(bytes),
        _ => Err(Reason::FlatDigest),
    }
}

/// RFC 4648 sections 4 and 5, with padding or without; bits past the last byte must be zero.
fn base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let standard: Zeroizing<Vec<u8>> = Zeroizing::new(
        bare.bytes()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            })
            .collect(),
    );
    BASE64_NOPAD.decode(&standard)
}
