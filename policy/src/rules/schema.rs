//! The schema that every rule is checked against. It is part of the program, not of the agreement.

use std::sync::OnceLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};

/// The schema as text, for help and for editors.
pub const SCHEMA: &str = include_str!("symbolon.cedarschema");

/// The schema and the names of its types, parsed once.
pub(super) struct Vocabulary {
    pub(super) schema: Schema,
    pub(super) action: Name,
    pub(super) agency: Name,
    pub(super) officer: Name,
    pub(super) register: Name,
    pub(super) record: Name,
    pub(super) purpose: Name,
    pub(super) legal_basis: Name,
    pub(super) category: Name,
    pub(super) provenance: Name,
    pub(super) exchange: Name,
    pub(super) modality: Name,
    pub(super) field: Name,
}

impl Vocabulary {
    /// The vocabulary, or why the built-in schema cannot be read, which a test rules out.
    pub(super) fn get() -> Result<&'static Self, String> {
        static PARSED: OnceLock<Result<Vocabulary, String>> = OnceLock::new();
        PARSED
            .get_or_init(Self::parse)
            .as_ref()
            .map_err(|fault| format!("the built-in schema cannot be read: {fault}"))
    }

    fn parse() -> Result<Self, String> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|e| e.to_string())?;
        let name = |text: &str| text.parse().map(Name).map_err(|_| format!("`{text}` is not a type name"));
        Ok(Self {
            schema,
            action: name("Action")?,
            agency: name("Agency")?,
            officer: name("Officer")?,
            register: name("Register")?,
            record: name("Record")?,
            purpose: name("Purpose")?,
            legal_basis: name("LegalBasis")?,
            category: name("Category")?,
            provenance: name("Provenance")?,
            exchange: name("Exchange")?,
            modality: name("Modality")?,
            field: name("Field")?,
        })
    }
}

/// The name of a type of the schema.
pub(super) struct Name(EntityTypeName);

impl Name {
    /// The entity of this type with this id.
    pub(super) fn uid(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.0.clone(), EntityId::new(id))
    }

    /// That entity as a value.
    pub(super) fn value(&self, id: &str) -> RestrictedExpression {
        RestrictedExpression::new_entity_uid(self.uid(id))
    }
}
