//! Code lists. A code that is not listed here is refused wherever it appears.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::WordError;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $what:literal, $form:literal, { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every code, in the order of the published list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it stands in files and rules.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl FromStr for $name {
            type Err = WordError;
            fn from_str(text: &str) -> Result<Self, WordError> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(WordError::new($what, $form, text)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordError;
            fn try_from(text: String) -> Result<Self, WordError> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(code: $name) -> &'static str {
                code.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a query is asked.
    Purpose, "a purpose", "one of the purpose codes (see docs/rules.md)", {
        /// Was asylum asked for before?
        AsylumPrior = "ASYLUM_PRIOR",
        /// Irregular entry.
        IrregEntry = "IRREG_ENTRY",
        /// Illegal stay.
        IllegalStay = "ILLEGAL_STAY",
        /// Identity of a person to be returned.
        ReturnId = "RETURN_ID",
        /// Protection of a child.
        ChildProtection = "CHILD_PROTECTION",
        /// A missing person, on humanitarian grounds.
        MissingHumanitarian = "MISSING_HUMANITARIAN",
        /// Identification of human remains.
        Remains = "REMAINS",
        /// Serious crime.
        SeriousCrime = "SERIOUS_CRIME",
        /// Terrorism.
        Terrorism = "TERRORISM",
        /// The data subject asks about itself.
        DataSubject = "DATA_SUBJECT",
        /// Statistics without identities.
        Statistics = "STATISTICS",
        /// Simulation only.
        Simulation = "SIMULATION",
    }
}

codes! {
    /// The legal basis a query stands on.
    LegalBasis, "a legal basis", "one of the legal basis codes (see docs/rules.md)", {
        /// National law.
        NatLaw = "NAT_LAW",
        /// A bilateral treaty.
        Bilat = "BILAT",
        /// A readmission agreement.
        Readmission = "READMISSION",
        /// Police cooperation convention with automated exchange.
        PccPrum = "PCC_PRUM",
        /// Agreement on preventing and combating serious crime.
        Pcsc = "PCSC",
        /// The vital interest of the person.
        VitalInterest = "VITAL_INTEREST",
    }
}

codes! {
    /// What kind of person-event a record holds.
    Category, "a record category", "one of the record categories (see docs/records.md)", {
        /// Asylum applicant.
        AsylumApplicant = "ASYLUM_APPLICANT",
        /// Irregular crossing.
        IrregularCrossing = "IRREGULAR_CROSSING",
        /// Illegal stay.
        IllegalStay = "ILLEGAL_STAY",
        /// Readmitted.
        Readmitted = "READMITTED",
        /// Visa refused.
        VisaRefused = "VISA_REFUSED",
        /// Wanted.
        Wanted = "WANTED",
        /// Missing.
        Missing = "MISSING",
        /// Remains.
        Remains = "REMAINS",
    }
}

codes! {
    /// Whether the subject is a minor. Rules treat a doubtful age as the youngest.
    AgeBand, "an age band", "`adult`, `minor` or `doubtful`", {
        /// Known to be of age.
        Adult = "adult",
        /// Known to be a minor.
        Minor = "minor",
        /// The age is in doubt.
        Doubtful = "doubtful",
    }
}

codes! {
    /// What a template was taken from.
    Modality, "a modality", "`IRIS`, `FACE`, `FINGER` or `TENPRINT`", {
        /// One iris.
        Iris = "IRIS",
        /// A face.
        Face = "FACE",
        /// One finger.
        Finger = "FINGER",
        /// All ten fingers side by side; a missing one is masked.
        Tenprint = "TENPRINT",
    }
}

codes! {
    /// Where on the body a template was taken. Fingers are numbered as in ISO/IEC 19794: 1 to 5 from the
    /// right thumb to the right little finger, 6 to 10 from the left thumb on.
    Position, "a position", "`LEFT_IRIS`, `RIGHT_IRIS`, `FACE`, `FINGER_1` to `FINGER_10` or `TENPRINT`", {
        /// The left iris.
        LeftIris = "LEFT_IRIS",
        /// The right iris.
        RightIris = "RIGHT_IRIS",
        /// The face.
        Face = "FACE",
        /// Right thumb.
        Finger1 = "FINGER_1",
        /// Right index finger.
        Finger2 = "FINGER_2",
        /// Right middle finger.
        Finger3 = "FINGER_3",
        /// Right ring finger.
        Finger4 = "FINGER_4",
        /// Right little finger.
        Finger5 = "FINGER_5",
        /// Left thumb.
        Finger6 = "FINGER_6",
        /// Left index finger.
        Finger7 = "FINGER_7",
        /// Left middle finger.
        Finger8 = "FINGER_8",
        /// Left ring finger.
        Finger9 = "FINGER_9",
        /// Left little finger.
        Finger10 = "FINGER_10",
        /// All ten fingers.
        Tenprint = "TENPRINT",
    }
}

impl Position {
    /// What a template taken there is.
    pub fn modality(self) -> Modality {
        match self {
            Self::LeftIris | Self::RightIris => Modality::Iris,
            Self::Face => Modality::Face,
            Self::Finger1
            | Self::Finger2
            | Self::Finger3
            | Self::Finger4
            | Self::Finger5
            | Self::Finger6
            | Self::Finger7
            | Self::Finger8
            | Self::Finger9
            | Self::Finger10 => Modality::Finger,
            Self::Tenprint => Modality::Tenprint,
        }
    }
}

codes! {
    /// What a field of a record says. A field whose name is not mapped to another code is `OTHER`.
    Field, "a field", "one of the field codes (see docs/procedure.md)", {
        /// The kind of person-event.
        Category = "CATEGORY",
        /// The day on which the data was taken.
        Taken = "TAKEN",
        /// When it happened.
        EventDate = "EVENT_DATE",
        /// Where it happened.
        Place = "PLACE",
        /// The sex of the person.
        Sex = "SEX",
        /// The authority that is competent.
        Authority = "AUTHORITY",
        /// The number of the case there.
        CaseNumber = "CASE_NUMBER",
        /// A name of the person.
        Name = "NAME",
        /// The date of birth.
        BirthDate = "BIRTH_DATE",
        /// A nationality.
        Nationality = "NATIONALITY",
        /// A document of the person.
        Document = "DOCUMENT",
        /// Whatever else.
        Other = "OTHER",
    }
}

impl Field {
    /// The code of a record's field, by the field's name.
    pub fn of(name: &str) -> Self {
        match name {
            "category" => Self::Category,
            "taken" => Self::Taken,
            "event_date" | "date" => Self::EventDate,
            "place" | "event_place" => Self::Place,
            "sex" => Self::Sex,
            "authority" | "competent_authority" => Self::Authority,
            "case_number" | "case" => Self::CaseNumber,
            "name" | "names" | "family_name" | "given_name" | "alias" => Self::Name,
            "birth_date" => Self::BirthDate,
            "nationality" => Self::Nationality,
            "document" | "document_number" => Self::Document,
            _ => Self::Other,
        }
    }
}

codes! {
    /// Where the data of a record came from.
    Provenance, "a provenance", "`own`, `eu` or `partner`", {
        /// Taken by the agency itself.
        Own = "own",
        /// Received from a system of the European Union; never in a slice for a third party.
        Eu = "eu",
        /// Received from another partner; onward use needs that partner's consent.
        Partner = "partner",
    }
}

codes! {
    /// What an officer may do. A role counts only with the officer's key.
    Role, "a role", "`ASKS`, `VERIFIES`, `APPROVES`, `ADMINISTERS` or `AUDITS`", {
        /// Asks partners, claims after a hit, explains.
        Asks = "ASKS",
        /// Verifies whether a candidate is the person.
        Verifies = "VERIFIES",
        /// Approves or refuses partners' claims.
        Approves = "APPROVES",
        /// Runs the node.
        Administers = "ADMINISTERS",
        /// Reads the journal.
        Audits = "AUDITS",
    }
}
