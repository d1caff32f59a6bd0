//! Reading values of flags, so that an error tells what is allowed.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use data_encoding::HEXLOWER_PERMISSIVE;
use libp2p::Multiaddr;
use symbolon_policy::{
    rules::Language,
    signing::PublicKey,
    words::{AgencyCode, Field, LegalBasis, Position, Purpose, Role, Timestamp},
};
use symbolon_protocol::identifier::Kind;

use crate::officers;

pub(super) fn purpose() -> impl TypedValueParser<Value = Purpose> {
    listed(Purpose::ALL.iter().map(|code| code.as_str()))
}

pub(super) fn language() -> impl TypedValueParser<Value = Language> {
    listed(Language::ALL.iter().map(|language| language.as_str()))
}

pub(super) fn legal_basis() -> impl TypedValueParser<Value = LegalBasis> {
    listed(LegalBasis::ALL.iter().map(|code| code.as_str()))
}

pub(super) fn position() -> impl TypedValueParser<Value = Position> {
    listed(Position::ALL.iter().map(|position| position.as_str()))
}

pub(super) fn kind() -> impl TypedValueParser<Value = Kind> {
    listed(Kind::ALL.iter().map(|kind| kind.as_str()))
}

pub(super) fn field() -> impl TypedValueParser<Value = Field> {
    listed(Field::ALL.iter().map(|field| field.as_str()))
}

/// A hit of an exact query: the person's reference, a colon, the kind of identifier.
pub(super) fn hit(text: &str) -> Result<(String, Kind), String> {
    let wrong = || "write it as PERSON:KIND, such as p-17:travel-document".to_owned();
    let (person, kind) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok((person.to_owned(), kind.parse::<Kind>().map_err(|e| format!("{e}; {}", wrong()))?))
}

/// The first digits of an id.
pub(super) fn first_digits(text: &str) -> Result<String, String> {
    let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex && (4..=64).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err("write 4 to 64 small hexadecimal digits".to_owned())
}

/// A word of a list; the list stands in the help, in completions and in the error.
fn listed<T>(words: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// A multiaddress, kept as text.
pub(super) fn multiaddress(text: &str) -> Result<String, String> {
    match text.parse::<Multiaddr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            Err(format!("{error}; write it as /ip4/192.0.2.1/tcp/4711 or /dns4/node.example/tcp/4711"))
        }
    }
}

/// A role, in small or capital letters.
pub(super) fn role(text: &str) -> Result<Role, String> {
    text.to_ascii_uppercase().parse::<Role>().map_err(|error| error.to_string())
}

/// An end: a moment, or a day that is the last one (UTC).
pub(super) fn end(text: &str) -> Result<Timestamp, String> {
    let moment =
        || text.parse::<Timestamp>().map_err(|_| "write 2027-12-31 or 2027-12-31T12:00:00Z".to_owned());
    let Ok(day) = text.parse::<jiff::civil::Date>() else { return moment() };
    if text.len() > 10 {
        return moment();
    }
    format!("{day}T00:00:00Z")
        .parse::<Timestamp>()
        .map(|at| at.plus(Timestamp::DAY))
        .map_err(|e| e.to_string())
}

/// A beginning: a moment, or a day that is the first one (UTC).
pub(super) fn begin(text: &str) -> Result<Timestamp, String> {
    let day = text.len() <= 10 && text.parse::<jiff::civil::Date>().is_ok();
    end(text).map(|at| if day { at.plus(-Timestamp::DAY) } else { at })
}

/// An agency's agreement key.
pub(super) fn agency_key(text: &str) -> Result<(AgencyCode, PublicKey), String> {
    let wrong = || "write it as CODE=KEY, with the 64 hexadecimal digits of the agreement key".to_owned();
    let (code, key) = text.split_once('=').ok_or_else(wrong)?;
    Ok((code.parse().map_err(|_| wrong())?, key.parse().map_err(|_| wrong())?))
}

/// An age X25519 recipient.
pub(super) fn recipient(text: &str) -> Result<String, String> {
    officers::recipient(text).map(|_| text.to_owned()).map_err(|failure| failure.what)
}

/// A seed: up to 64 hexadecimal digits, filled up with zeros.
pub(super) fn seed(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "write 2 to 64 hexadecimal digits, an even number of them".to_owned();
    let digits = format!("{text:0<64}");
    let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| wrong())?;
    let whole = text.len().is_multiple_of(2) && !text.is_empty();
    bytes.try_into().ok().filter(|_| whole).ok_or_else(wrong)
}

/// A threshold: a fractional distance between 0 and 1/2.
pub(super) fn threshold(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number < 0.5);
    number.ok_or_else(|| "write a number between 0 and 0.5, such as 0.31".to_owned())
}
