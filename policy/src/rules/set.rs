//! A rules text, read and checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::Arc,
};

use cedar_policy::{
    Effect, EntityUid, Policy, PolicyId, PolicySet, ValidationMode, Validator,
    ffi::DetailedError,
    pst::{Clause as Part, Template},
};

use crate::words::{AgencyCode, Digest, OfficerId, RegisterName};

use super::{
    condition::{Condition, mixed_codes},
    decision::{ClauseRef, Kind},
    error::{Faults, RuleErrors},
    facts::Facts,
    language::Language,
    scan::{MAX_CLAUSES, MAX_TEXT, scan},
    schema::Vocabulary,
};

/// A checked set of rules: every clause names itself, fits the schema and can apply. Cheap to clone.
#[derive(Clone)]
pub struct RuleSet {
    kind: Kind,
    text: Arc<str>,
    /// In the order of the text.
    clauses: Vec<Arc<Clause>>,
}

/// One clause of a rule set.
pub(super) struct Clause {
    pub(super) name: ClauseRef,
    /// Titles in other languages than English.
    pub(super) titles: BTreeMap<Language, String>,
    /// The clause as it stands in the text.
    pub(super) text: String,
    pub(super) policy: Policy,
    /// The clause as a tree, to compare and to show.
    pub(super) tree: Template,
    pub(super) conditions: Vec<Condition>,
}

impl Clause {
    /// The title in a language, or in English where there is none.
    pub(super) fn title(&self, language: Language) -> &str {
        self.titles.get(&language).unwrap_or(&self.name.title)
    }

    pub(super) fn permits(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }

    /// Whether it is about requests of this kind at all.
    pub(super) fn concerns(&self, facts: &Facts) -> bool {
        self.conditions.iter().all(|condition| !condition.is_action || condition.holds(facts) == Ok(true))
    }
}

impl RuleSet {
    /// Reads and checks a rules text in the Cedar language.
    ///
    /// Every clause carries `@id("...")`, unique in the text, and `@title("...")` or `@title_en("...")`,
    /// a plain sentence; it may carry `@article("...")` and titles in the other languages. National rules hold `forbid` clauses only, so they can only
    /// restrict. Templates are refused, and so is whatever the validator only warns about: a clause
    /// that can never apply is taken for a mistake.
    ///
    /// # Errors
    ///
    /// All faults found, each with line, column and help.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, RuleErrors> {
        let mut faults = Faults::new(text);
        let places = scan(text, &mut faults);
        faults.check()?;
        let parsed = text.parse::<PolicySet>().map_err(|errors| {
            let help = "see the examples in docs/rules.md; every clause ends in a semicolon";
            errors.iter().for_each(|error| faults.add_cedar(&DetailedError::from(error), help));
            faults.take()
        })?;
        // Places are told by number. If Cedar saw other clauses than the scan did, some would go unbounded and unshown.
        if parsed.policies().count().saturating_add(parsed.templates().count()) != places.len() {
            faults.add(
                0,
                "the clauses of the text cannot be told apart",
                "this is a fault of the program: report it",
            );
        }
        for template in parsed.templates() {
            let offset = place_of(&places, template.id()).start;
            faults.add(offset, "the clause has a slot, `?principal` or `?resource`", "name whom it concerns");
        }
        faults.check()?;
        let mut clauses = Vec::new();
        for policy in parsed.policies() {
            let place = place_of(&places, policy.id());
            let offset = place.start;
            if let Some((name, titles)) = name(policy, kind, offset, &mut faults) {
                let text = text.get(place).unwrap_or_default().to_owned();
                match take_apart(policy, name, titles, text) {
                    Ok(clause) => clauses.push((offset, clause)),
                    Err(what) => faults.add(offset, what, "see docs/rules.md for what a clause may say"),
                }
            }
        }
        clauses.sort_by_key(|(offset, _)| *offset);
        unique(&clauses, &mut faults);
        validate(&parsed, &mut faults);
        faults.check()?;
        Ok(Self {
            kind,
            text: text.into(),
            clauses: clauses.into_iter().map(|(_, clause)| Arc::new(clause)).collect(),
        })
    }

    /// Clauses of sets that were checked, named by their ids, as a set of their own in the order given. It is the
    /// set that [`parse`](Self::parse) would read from its text, without reading: each clause was checked by itself.
    /// Nothing if a set is of another kind or lacks the clause, an id comes twice, or it is more than a text may hold.
    pub fn pick<'a>(kind: Kind, clauses: impl IntoIterator<Item = (&'a Self, &'a str)>) -> Option<Self> {
        let (mut text, mut picked, mut seen) = (String::new(), Vec::new(), BTreeSet::new());
        for (set, id) in clauses {
            let clause = set.clauses.iter().find(|clause| clause.name.id == id)?;
            if set.kind != kind || !seen.insert(id) {
                return None;
            }
            text.push_str(clause.text.trim());
            text.push_str("\n\n");
            picked.push(Arc::clone(clause));
        }
        (picked.len() <= MAX_CLAUSES && text.len() <= MAX_TEXT).then(|| Self {
            kind,
            text: text.into(),
            clauses: picked,
        })
    }

    /// Whose rules these are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text, byte for byte as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digest both agencies sign: of the exact text, comments and white space included, since
    /// that is what they read. The label carries the version of the schema the text is meant for.
    pub fn digest(&self) -> Digest {
        Digest::of("symbolon/rules/1", self.text.as_bytes())
    }

    /// The clauses in the order of the text.
    pub fn clauses(&self) -> impl Iterator<Item = &ClauseRef> {
        self.clauses.iter().map(|clause| &clause.name)
    }

    /// Whether there is no clause at all.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// A clause as it stands in the text, by its `@id`.
    pub fn clause_text(&self, id: &str) -> Option<&str> {
        self.clauses.iter().find(|clause| clause.name.id == id).map(|clause| clause.text.as_str())
    }

    /// The title of a clause by its `@id`, in a language, or in English where it has none in that.
    pub fn title(&self, id: &str, language: Language) -> Option<&str> {
        self.clauses.iter().find(|clause| clause.name.id == id).map(|clause| clause.title(language))
    }

    /// Whether every clause has a title in this language.
    pub fn speaks(&self, language: Language) -> bool {
        language == Language::En || self.clauses.iter().all(|clause| clause.titles.contains_key(&language))
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().map(|clause| &**clause)
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, clauses) = (self.kind, self.clauses.len());
        write!(f, "RuleSet({kind}, {clauses} clauses, {})", self.digest())
    }
}

/// How a clause is called within a rulebook, where shared and national rules meet.
fn policy_id(name: &ClauseRef) -> PolicyId {
    PolicyId::new(format!("{}/{}", name.kind, name.id))
}

/// Where a clause stands. Cedar calls the clauses of a text `policy0`, `policy1` and so on.
fn place_of(places: &[Range<usize>], id: &PolicyId) -> Range<usize> {
    let id: &str = id.as_ref();
    let index = id.strip_prefix("policy").and_then(|n| n.parse::<usize>().ok());
    index.and_then(|index| places.get(index)).cloned().unwrap_or_default()
}

fn take_apart(
    policy: &Policy,
    name: ClauseRef,
    titles: BTreeMap<Language, String>,
    text: String,
) -> Result<Clause, String> {
    // Under its own name: the place in the text is no part of a clause.
    let policy = policy.new_id(policy_id(&name));
    let tree = policy.to_pst().map_err(|e| e.to_string())?.body().clone();
    for Part::When(expr) | Part::Unless(expr) in tree.clauses() {
        if let Some(what) = mixed_codes(expr) {
            return Err(what);
        }
    }
    let conditions = Condition::all_of(&tree)?;
    Ok(Clause { policy, name, titles, text, tree, conditions })
}

/// What a clause calls itself, if it may stand in rules of this kind.
fn name(
    policy: &Policy,
    kind: Kind,
    offset: usize,
    faults: &mut Faults<'_>,
) -> Option<(ClauseRef, BTreeMap<Language, String>)> {
    if kind == Kind::National && policy.effect() == Effect::Permit {
        faults.add(
            offset,
            "national rules cannot permit",
            "turn the clause into a `forbid`; what may be done at all is agreed in the shared rules",
        );
    }
    for (key, _) in policy.annotations() {
        let language = Language::ALL.iter().any(|language| language.annotation() == key);
        if !language && !matches!(key, "id" | "title" | "article") {
            let help = "use @id, @title or @title_en, @article, and @title_sr_latn, _sr_cyrl, _sq, _mk, _bs";
            faults.add(offset, format!("the annotation @{key} is not known"), help);
        }
    }
    for entity in policy.entity_literals() {
        if let Err((what, help)) = check_entity(&entity) {
            faults.add(offset, what, help);
        }
    }
    let text = |key| policy.annotation(key).map(str::to_owned);
    let id = text("id").filter(|id| is_id(id));
    if id.is_none() {
        let help = "begin it with @id(\"...\"): 1 to 64 small letters, digits or hyphens, a letter first";
        faults.add(offset, "the clause has no @id in the form it must have", help);
    }
    let english = text(Language::En.annotation());
    if english.is_some() && text("title").is_some() {
        faults.add(offset, "the clause has both @title and @title_en", "they mean the same: keep one");
    }
    let title = text("title").or(english).filter(|title| is_line(title));
    if title.is_none() {
        let help = "say in one plain sentence of at most 200 characters what it does: @title(\"...\")";
        faults.add(offset, "the clause has no @title in the form it must have", help);
    }
    let article = text("article");
    if article.as_deref().is_some_and(|article| !is_line(article)) {
        faults.add(offset, "the @article is empty, too long or of several lines", "keep to 200 characters");
    }
    let mut titles = BTreeMap::new();
    for language in Language::ALL.iter().filter(|language| **language != Language::En) {
        let Some(title) = text(language.annotation()) else { continue };
        if !is_line(&title) {
            let what = format!("@{} is empty, too long or of several lines", language.annotation());
            faults.add(offset, what, "keep to 200 characters");
        }
        titles.insert(*language, title);
    }
    Some((ClauseRef { kind, id: id?, title: title?, article }, titles))
}

fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control)
}

/// Whether an agency, officer or register is named in a form that can exist.
fn check_entity(entity: &EntityUid) -> Result<(), (String, String)> {
    let id = entity.id().unescaped();
    let within = |rest: fn(&str) -> Result<(), String>, example: &str| {
        let help = format!("write the agency's code, a slash and the name, such as {example}");
        let (agency, name) = id.split_once('/').ok_or((format!("{entity} names no agency"), help.clone()))?;
        agency.parse::<AgencyCode>().map_err(|e| (e.to_string(), help.clone()))?;
        rest(name).map_err(|e| (e, help))
    };
    match entity.type_name().basename() {
        "Agency" => match id.parse::<AgencyCode>() {
            Ok(_) => Ok(()),
            Err(e) => Err((e.to_string(), "write it as in the agreement, such as Agency::\"RS\"".to_owned())),
        },
        "Officer" => within(
            |name| name.parse::<OfficerId>().map(drop).map_err(|e| e.to_string()),
            "Officer::\"RS/ana.petrovic\"",
        ),
        "Register" => within(
            |name| name.parse::<RegisterName>().map(drop).map_err(|e| e.to_string()),
            "Register::\"RS/border\"",
        ),
        "Record" => Err((
            format!("{entity} names a single record"),
            "rules decide by the attributes of a record, never by which record it is".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn unique(clauses: &[(usize, Clause)], faults: &mut Faults<'_>) {
    let mut seen = BTreeSet::new();
    for (start, clause) in clauses {
        if !seen.insert(&clause.name.id) {
            let what = format!("the @id `{}` is used twice", clause.name.id);
            faults.add(*start, what, "give each clause an @id of its own");
        }
    }
}

/// Holds the rules to the schema, warnings included.
fn validate(parsed: &PolicySet, faults: &mut Faults<'_>) {
    let names = match Vocabulary::get() {
        Ok(names) => names,
        Err(fault) => return faults.add(0, fault, "this is a fault of the program: report it"),
    };
    let result = Validator::new(names.schema.clone()).validate(parsed, ValidationMode::Strict);
    let help = "see the attributes and code lists in docs/rules.md";
    for error in result.validation_errors() {
        faults.add_cedar(&DetailedError::from(error), help);
    }
    if !result.validation_passed() {
        // The warnings are then mostly echoes.
        return;
    }
    for warning in result.validation_warnings() {
        faults.add_cedar(
            &DetailedError::from(warning),
            "the clause can never apply as it stands: mend or drop it",
        );
    }
}

#[cfg(test)]
mod tests;
