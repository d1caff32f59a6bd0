//! What a command has to say, for people and for machines.

use serde::Serialize;
use serde_json::Value;

use crate::control::api::{Failure, Reply};

use super::render;

/// The answer of a command.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// For people; ends without a line end, and may be empty.
    pub(super) text: String,
    /// For machines; absent where there is nothing to say.
    pub(super) json: Option<Value>,
    /// The exit code.
    pub(super) exit: u8,
}

impl Report {
    /// An answer that went well.
    pub(super) fn new(text: impl Into<String>, json: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(json).map_err(|error| unwritable(&error))?;
        Ok(Self { text: text.into(), json: Some(json), exit: 0 })
    }

    /// The node's reply.
    pub(super) fn of(reply: &Reply) -> Result<Self, Failure> {
        let json = render::json(reply).map_err(|error| unwritable(&error))?;
        Ok(Self { text: render::reply(reply), json: Some(json), exit: render::exit_code(reply) })
    }

    /// Nothing more to say.
    pub(super) fn silent() -> Self {
        Self { text: String::new(), json: None, exit: 0 }
    }

    /// The same with another text.
    pub(super) fn with_text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// The same with another exit code.
    pub(super) fn with_exit(self, exit: u8) -> Self {
        Self { exit, ..self }
    }
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::local(format!("the answer cannot be written as JSON: {error}"))
}
