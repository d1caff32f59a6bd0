//! Canonical bytes: DAG-CBOR, of which every value has exactly one encoding.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes or values that have no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// The value cannot be written.
    #[error("the value has no canonical form: {0}")]
    Write(String),
    /// The bytes are not the encoding of such a value.
    #[error("the bytes are not such a document: {0}")]
    Read(String),
    /// The bytes encode the value, but not in its one form.
    #[error("the bytes are not in canonical form")]
    Form,
}

/// The canonical bytes of a value.
///
/// # Errors
/// [`CanonicalError::Write`] for values that DAG-CBOR cannot express.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    serde_ipld_dagcbor::to_vec(value).map_err(|error| CanonicalError::Write(error.to_string()))
}

/// Reads canonical bytes, and only these.
///
/// # Errors
/// [`CanonicalError`] if the bytes are not the one encoding of a value.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let value =
        serde_ipld_dagcbor::from_slice(bytes).map_err(|error| CanonicalError::Read(error.to_string()))?;
    if encode(&value)? == bytes { Ok(value) } else { Err(CanonicalError::Form) }
}

#[cfg(test)]
mod tests;
