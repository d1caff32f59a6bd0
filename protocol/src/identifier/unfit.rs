//! Why an identifier cannot be used. No message ever repeats the value: it is personal data.

/// An entered identifier that cannot be used: which field, why, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct Unfit {
    /// The field as it is called in files.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub reason: Reason,
}

impl Unfit {
    pub(super) fn new(field: &'static str, reason: Reason) -> Self {
        Self { field, reason }
    }
}

/// What is wrong with a field, and what to do. An import counts its refusals by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// More bytes than any identifier needs.
    #[error("is too long: at most 256 bytes are taken as entered and 255 in canonical form; shorten it")]
    TooLong,
    /// A character outside the field's alphabet, visible or not.
    #[error(
        "holds a character that has no place there (an invisible mark counts); type it again as in the machine-readable zone"
    )]
    Character,
    /// Too few characters to be a document number.
    #[error("is shorter than 5 letters and digits; give the whole number")]
    ShortDocument,
    /// Too few characters to be a registration number.
    #[error("is shorter than 8 letters and digits; give the whole number or use another kind of identifier")]
    ShortRegistration,
    /// Too many characters to be a number.
    #[error("has more than 24 letters and digits; give the number alone")]
    LongNumber,
    /// A filler or a word that stands for an unknown value.
    #[error(
        "looks like a filler for an unknown value, which many persons would share; leave this identifier out"
    )]
    Placeholder,
    /// No code of a state or issuing organisation.
    #[error("is not a known code; give the ISO 3166-1 code of two or three letters, as in `SRB` or `RS`")]
    UnknownState,
    /// The check digit does not fit the number.
    #[error("fails its check digit; compare it with the document")]
    CheckDigit,
    /// Twelve digits where the state's numbers have thirteen.
    #[error("has 12 digits where 13 are due; restore the leading zero that a spreadsheet may have dropped")]
    LostZero,
    /// No accepted form of a date.
    #[error("is not in an accepted form; write it as 2024-01-31 or, day first, as 31.01.2024 or 31/01/2024")]
    DateForm,
    /// A year of fewer than four digits.
    #[error("has a year of two digits, which names two centuries; write the year with four")]
    ShortYear,
    /// A day or month of zero, or missing.
    #[error("has an unknown day or month, so many persons would share it; leave this identifier out")]
    PartialDate,
    /// Not a day of the calendar.
    #[error("is not a day of the calendar; the day comes before the month unless the year comes first")]
    NoSuchDay,
    /// A year out of the range of living and recorded persons.
    #[error("has a year outside 1880 to 2199; correct it")]
    YearRange,
    /// A letter of a script or alphabet without a rule.
    #[error("has a letter without a transliteration rule; give the Latin spelling of the travel document")]
    Script,
    /// Latin and Cyrillic letters in one name part.
    #[error("mixes Latin and Cyrillic letters in one name part; type that part again in one script")]
    MixedScripts,
    /// A single name part.
    #[error(
        "gives, with `given`, a single name part, which many persons share; give the full name or use another kind"
    )]
    FewParts,
    /// Too few letters in the whole name.
    #[error("gives, with `given`, fewer than 5 letters; give the full name or use another kind")]
    FewLetters,
    /// Not an extractor name and version.
    #[error("must be `name/version`, 3 to 64 characters of `a-z`, `0-9`, `.`, `_`, `-` and `/`")]
    ExtractorForm,
    /// Neither hexadecimal nor base64.
    #[error("is neither hexadecimal nor base64; give the digest alone, without spaces")]
    DigestForm,
    /// A digest of the wrong length.
    #[error("must be 32 to 64 bytes; use an extractor with such an output")]
    DigestLength,
    /// A digest of equal bytes.
    #[error("repeats one byte, so it is no digest; leave this identifier out")]
    FlatDigest,
}
