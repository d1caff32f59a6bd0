//! Where settings come from, and how a faulty one is traced back to its place.

use std::path::{Path, PathBuf};

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format, Serialized, Toml},
    value::{Dict, Map, Value},
};

use super::{Config, Flags};
use crate::control::api::Failure;

pub(super) const HELP: &str = "see docs/configuration.md";

const DEFAULTS: &str = "defaults";
const ENVIRONMENT: &str = "environment";
const FLAGS: &str = "flags";
const PREFIX: &str = "SYMBOLON_";
/// Variables of flags that are no settings.
const NO_SETTINGS: [&str; 3] = ["home", "config", "officer_passphrase_file"];

pub(super) fn gather(
    home: &Path,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &Flags,
) -> Result<Figment, Failure> {
    let path = file.map_or_else(|| home.join(Config::FILE), Path::to_owned);
    let mut figment = Figment::new().merge(Named(DEFAULTS, Serialized::defaults(Config::default()).data()));
    // Asked before reading, since figment takes a missing file for an empty one.
    match path.try_exists() {
        Ok(true) => figment = figment.merge(Toml::file_exact(&path)),
        Ok(false) if file.is_none() => {}
        Ok(false) => return Err(Failure::input(format!("there is no file {}", path.display()))),
        Err(error) => return Err(Failure::local(format!("cannot read {}: {error}", path.display()))),
    }
    let figment = figment
        .merge(Named(ENVIRONMENT, Ok(variables(environment))))
        .merge(Named(FLAGS, Serialized::defaults(flags).data()));
    Ok(figment)
}

/// Settings under a name by which their origin is told.
struct Named(&'static str, Result<Map<Profile, Dict>, Error>);

impl Provider for Named {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        self.1.clone()
    }
}

/// `SYMBOLON_A__B=value` is the setting `a.b`; of partners, `SYMBOLON_PARTNERS__B` is `partners.B`.
fn variables(environment: impl IntoIterator<Item = (String, String)>) -> Map<Profile, Dict> {
    let mut settings = Dict::new();
    for (name, text) in environment {
        let Some(name) = name.strip_prefix(PREFIX) else { continue };
        let (first, below) = name.split_once("__").map_or((name, None), |(a, b)| (a, Some(b)));
        let first = first.to_ascii_lowercase();
        if NO_SETTINGS.contains(&first.as_str()) {
            continue;
        }
        let Ok(value) = text.parse::<Value>();
        let value = match (first.as_str(), value) {
            // One address needs no brackets.
            ("listen" | "announce" | "partners", Value::String(tag, text)) => {
                Value::Array(tag, vec![Value::String(tag, text)])
            }
            (_, value) => value,
        };
        match below {
            None => drop(settings.insert(first, value)),
            Some(below) => {
                // Codes of partners keep their case; everything else is a name of a setting.
                let below = if first == "partners" { below.to_owned() } else { below.to_ascii_lowercase() };
                let inner = settings.entry(first).or_insert_with(|| Value::from(Dict::new()));
                if let Value::Dict(_, inner) = inner {
                    inner.insert(below, value);
                }
            }
        }
    }
    Map::from([(Profile::Default, settings)])
}

/// What is wrong with the settings, where, and what to do.
pub(super) fn failure(figment: &Figment, error: Error) -> Failure {
    let lines = error.into_iter().map(|error| {
        let (path, problem) = (&error.path, problem(&error.kind));
        if path.is_empty() {
            // The file is no TOML: there are no settings yet that could be traced.
            let source = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
            let file = source.and_then(|source| source.file_path()).map(|file| file.display().to_string());
            return format!("{}: {problem}", file.unwrap_or_else(|| "settings".to_owned()));
        }
        format!("{}: {problem}", place(figment, &path.join(".")))
    });
    Failure::input(lines.collect::<Vec<_>>().join("\n")).with_help(HELP)
}

fn problem(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, known) => format!("there is no such setting; there are: {}", known.join(", ")),
        kind => kind.to_string(),
    }
}

/// The setting and where it was set, in words.
pub(super) fn place(figment: &Figment, key: &str) -> String {
    let Some(metadata) = trace(figment, key) else { return format!("`{key}`") };
    match (metadata.name.as_ref(), file(metadata)) {
        (_, Some(file)) => format!("`{key}` in {}", file.display()),
        (FLAGS, _) => format!("`{key}`, set by the flag --{}", key.replace('_', "-")),
        (ENVIRONMENT, _) => {
            let (first, below) = key.split_once('.').map_or((key, None), |(a, b)| (a, Some(b)));
            let below = below.map(|below| match first {
                "partners" => format!("__{below}"),
                _ => format!("__{}", below.to_ascii_uppercase()),
            });
            let below = below.unwrap_or_default();
            format!("`{key}`, set by the environment variable {PREFIX}{}{below}", first.to_ascii_uppercase())
        }
        _ => format!("`{key}`"),
    }
}

/// Who set a setting, or what stands above it.
fn trace<'a>(figment: &'a Figment, key: &str) -> Option<&'a Metadata> {
    let mut key = key;
    loop {
        if let Some(metadata) = figment.find_metadata(key) {
            return Some(metadata);
        }
        key = key.rsplit_once('.')?.0;
    }
}

fn file(metadata: &Metadata) -> Option<&Path> {
    metadata.source.as_ref().and_then(|source| source.file_path())
}

/// Makes paths that a file gives relative to that file.
pub(super) fn settle_paths(figment: &Figment, config: &mut Config) {
    let settle = |key: &str, path: &mut Option<PathBuf>| {
        let directory = trace(figment, key).and_then(file).and_then(Path::parent);
        if let (Some(directory), Some(path)) = (directory, path.as_mut()) {
            *path = directory.join(&path);
        }
    };
    settle("passphrase_file", &mut config.passphrase_file);
    settle("capture", &mut config.capture);
}
