//! Scenarios that come along, each with its proposals as files of their own: in `simulator/scenarios/`, and in the
//! program.

use crate::proposal::Files;

/// A scenario that comes along.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! ready {
    ($name:literal, [$($file:literal),* $(,)?]) => {
        Ready {
            name: $name,
            text: include_str!(concat!("../scenarios/", $name, "/scenario.toml")),
            files: &[$(($file, include_str!(concat!("../scenarios/", $name, "/", $file)))),*],
        }
    };
}

/// Every scenario that comes along.
pub const READY: &[Ready] = &[
    ready!("western-balkans-2022", ["pcc-see.toml", "no-names.cedar"]),
    ready!("bilateral", ["agreement.toml", "restrained.cedar"]),
    ready!("stress-30", ["pcc-see.toml"]),
];

/// The scenario of a name.
pub fn ready(name: &str) -> Option<Ready> {
    READY.iter().copied().find(|ready| ready.name == name)
}

impl Ready {
    /// The names and texts of its other files.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().copied()
    }
}

impl Files for Ready {
    fn read(&self, name: &str) -> Result<String, String> {
        let found = self.files.iter().find(|(file, _)| *file == name);
        found
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| "it does not come along with this scenario".to_owned())
    }
}

#[cfg(test)]
mod tests;
