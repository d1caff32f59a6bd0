//! A match: the probe, the keys, and what is told of the answer.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use symbolon_policy::{
    agreement::{FormTerms, MatchTerms},
    ask::{self, Ask, Fetch, MatchAsk, MatchSetup},
    officer::files,
    permit::RefusalCode,
    quota::{Meter, charges},
    receipt::Receipt,
    rules::ExchangeKind,
    words::{Digest, EngineName, Position},
};
use symbolon_protocol::matching::{engine, template::Template};
use zeroize::Zeroizing;

use super::{super::ahead, Attempt, Draft, Ended, Partner, Sealed};
use crate::{
    control::api::{self, Budget, Expected, Failure, Outcome, QueryTerms},
    engines::{Choice, Weighed, Work},
    hashed::Hashed,
    node::blocking,
    outlook::false_hits,
    register,
    session::{
        SessionError,
        asker::Subject,
        keys::obtain,
        matching::{Ready, can_prepare},
    },
    state::{Keys, Slice},
};

/// The alternatives of a probe, and where each was taken.
type Alternatives = Vec<(Position, Template)>;

/// What is asked of every partner, each under its own agreement.
pub(super) struct Wish {
    pub(super) wish: Arc<api::Wish>,
    /// The file with the probe.
    pub(super) path: PathBuf,
    /// What is in it. It is read for each partner by itself, for forms differ.
    probe: Zeroizing<Vec<u8>>,
}

/// Most probes in one request.
const MAX_PROBES: usize = 100;

impl Wish {
    /// Reads the files of the probes. Gives one wish for each, and the digest that an officer signs.
    ///
    /// # Errors
    /// An input [`Failure`] if one cannot be read, or if there are none or too many.
    pub(super) fn read(wish: api::Wish) -> Result<(Vec<Self>, Digest), Failure> {
        if !(1..=MAX_PROBES).contains(&wish.probes.len()) {
            let what = format!("there must be 1 to {MAX_PROBES} probes, not {}", wish.probes.len());
            return Err(Failure::input(what));
        }
        let mut before = BTreeSet::new();
        if let Some(twice) = wish.probes.iter().find(|path| !before.insert(path.as_path())) {
            let what = format!("the probe {} is named twice, and would be charged twice", twice.display());
            return Err(Failure::input(what).with_help("name it once"));
        }
        let wish = Arc::new(wish);
        let (mut wishes, mut digests) = (Vec::new(), Vec::new());
        for path in &wish.probes {
            let (probe, digest) = Self::file(path)?;
            wishes.push(Self { wish: wish.clone(), path: path.clone(), probe });
            digests.push(digest);
        }
        Ok((wishes, files(&digests)))
    }

    fn file(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Digest), Failure> {
        let unreadable = |e: std::io::Error| Failure::input(format!("cannot read {}: {e}", path.display()));
        let file = File::open(path).map_err(unreadable)?;
        // One byte more than may be, so that a longer file is refused and not cut. Sized at once: growing
        // would leave copies behind.
        let limit = register::MAX_PROBE.saturating_add(1);
        let size = file.metadata().map_err(unreadable)?.len();
        let size = usize::try_from(size).unwrap_or(limit).saturating_add(1).min(limit);
        let mut probe = Zeroizing::new(Vec::with_capacity(size));
        let mut hashed = Hashed::new(file.take(limit as u64));
        hashed.read_to_end(&mut probe).map_err(unreadable)?;
        let digest = hashed.finish().map_err(unreadable)?;
        Ok((probe, digest))
    }

    /// The probe under a form.
    ///
    /// # Errors
    /// An input [`Failure`] that says what is wrong with the file.
    fn under(&self, form: &FormTerms) -> Result<Alternatives, Failure> {
        register::probe(&self.probe, form).map_err(|fault| {
            Failure::input(format!("{} cannot be asked about: {fault}", self.path.display()))
                .with_help("see docs/templates.md")
        })
    }

    /// Whether a partner can be asked about it; without a word of what the agreement lacks.
    ///
    /// # Errors
    /// As [`under`](Self::under).
    pub(super) fn check(&self, partner: &Partner) -> Result<(), Failure> {
        let agreed = partner.agreement.terms().matching.as_ref();
        agreed
            .and_then(|agreed| agreed.form(&self.wish.form))
            .map_or(Ok(()), |form| self.under(form).map(drop))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn form<'a>(agreed: &'a MatchTerms, wish: &api::Wish) -> Result<&'a FormTerms, Failure> {
    agreed.form(&wish.form).ok_or_else(|| {
        let names: Vec<_> = agreed.forms.iter().map(|form| form.name.as_str()).collect();
        Failure::input(format!("the agreement has no form {}", wish.form))
            .with_help(format!("it has {}", names.join(", ")))
    })
}

impl Attempt {
    /// Asks about a probe.
    pub(super) async fn matched(&mut self, terms: &QueryTerms, wish: &Wish) -> Ended {
        let core = self.core.clone();
        let _asking = core.prepared.ask();
        let (draft, keys) = self.draft(terms, wish).await?;
        let asked = self.prepare(terms, draft, &[], Vec::new()).await?;
        self.query = Some(asked.ask.query);
        self.expect(&asked.ask)?;
        let words = asked.ask.clone();
        let ended = self.ask(asked, &[]).await;
        if ended.is_ok() && can_prepare(&self.partner.agreement, &words) {
            ahead::remember(&self.core, self.wanted(terms, None), &words).await;
        }
        self.forget(keys, &ended).await?;
        ended
    }

    /// Reads the probe, and sets up keys where none are current.
    async fn draft(&mut self, terms: &QueryTerms, wish: &Wish) -> Result<(Draft, Keys), SessionError> {
        let (alternatives, wanted) = self.setup(terms, wish, false)?;
        let before = self.report.moved();
        let keys = obtain(&self.core, &self.partner, &wanted, &self.report).await?;
        self.report.set_up(before);
        self.lap("keys");
        Ok((self.draft_under(alternatives, wish, &keys), keys))
    }

    /// The same without a word to the partner; nothing where no keys are current.
    ///
    /// # Errors
    /// [`SessionError`] if the probe cannot be asked about.
    pub(super) async fn draft_by_courier(
        &mut self,
        terms: &QueryTerms,
        wish: &Wish,
    ) -> Result<Option<Draft>, SessionError> {
        let (alternatives, wanted) = self.setup(terms, wish, true)?;
        let keys = self.core.own_keys(&wanted)?;
        Ok(keys.map(|keys| self.draft_under(alternatives, wish, &keys)))
    }

    fn draft_under(&self, alternatives: Alternatives, wish: &Wish, keys: &Keys) -> Draft {
        self.report.say("encrypting the probe", 0, 0);
        let (positions, probe) = alternatives.into_iter().unzip();
        let (form, engine) = (keys.set.form.clone(), keys.set.engine.clone());
        let matching = MatchAsk { form, engine, answer: wish.wish.answer, keys: keys.set.keys, positions };
        Draft {
            exchange: ExchangeKind::Match,
            snapshot: None,
            matching: Some(matching),
            subject: Subject::Probe(probe, Ready::default()),
        }
    }

    /// Reads the probe, and says which keys it needs.
    ///
    /// # Errors
    /// [`SessionError`] if the probe cannot be asked about.
    pub(super) fn setup(
        &mut self,
        terms: &QueryTerms,
        wish: &Wish,
        courier: bool,
    ) -> Result<(Alternatives, Fetch), SessionError> {
        let agreement = self.partner.agreement.clone();
        let agreed = agreement.terms().matching.as_ref().ok_or_else(|| {
            Failure::input(format!(
                "the agreement with {} has no terms for the match",
                self.partner.party.code
            ))
            .with_help(
                "both sign an amendment with a `[matching]`; `symbolon agreement draft` has one as a comment",
            )
        })?;
        let alternatives = wish.under(form(agreed, &wish.wish)?)?;
        let choice = self.choose(terms, wish, agreed, alternatives.len(), courier)?;
        if agreed.engines.len() > 1 {
            self.report.note(format!("engine {}", choice.why));
        }
        let setup = MatchSetup { form: wish.wish.form.clone(), engine: choice.engine.clone() };
        self.choice = Some(choice);
        Ok((alternatives, self.wanted(terms, Some(setup))))
    }

    /// Of the agreed engines that this node has, that give what is demanded and that take the query, the one that is
    /// expected to be quickest.
    ///
    /// # Errors
    /// An input [`Failure`] that says why each cannot be used.
    fn choose(
        &self,
        terms: &QueryTerms,
        wish: &Wish,
        agreed: &MatchTerms,
        alternatives: usize,
        courier: bool,
    ) -> Result<Choice, Failure> {
        let (form, wish) = (form(agreed, &wish.wish)?, &wish.wish);
        let answer = form.answer(wish.answer).ok_or_else(|| {
            Failure::input(format!("the agreement does not allow this answer for the form {}", form.name))
                .with_help("see `symbolon agreement show`")
        })?;
        let (entries, _) = self.entries(agreed, (&self.wanted(terms, None)).into())?;
        let alternatives = u16::try_from(alternatives).unwrap_or(u16::MAX);
        let work = Work { form: form.form(), entries, alternatives, answer, cores: cores() };
        let weigh = |name: &EngineName| -> Result<Weighed, Failure> {
            let excluded = |why: String| Ok(Weighed::excluded(name, why));
            let engine = match ask::engine(name) {
                Ok(engine) => engine,
                Err(refusal) => return excluded(refusal.text),
            };
            if let Some(lacks) = agreed.lacking(name) {
                return excluded(lacks);
            }
            if courier && !engine.card().by_courier {
                return excluded(format!("{name} has more than one round, so it cannot go by courier"));
            }
            if let Err(fault) = form.taken_by(engine, alternatives, answer) {
                return excluded(format!("{name}: {}", fault.reason()));
            }
            let setup = MatchSetup { form: form.name.clone(), engine: name.clone() };
            let keys = self.core.own_keys(&self.wanted(terms, Some(setup)))?;
            Ok(Weighed::of(name, engine, &work, keys.is_some()))
        };
        let asked = |name: &&EngineName| wish.engine.as_ref().is_none_or(|wanted| wanted == *name);
        let weighed = agreed.engines.iter().filter(asked).map(weigh).collect::<Result<Vec<_>, _>>()?;
        let chosen = if weighed.is_empty() {
            let named: Vec<_> = agreed.engines.iter().map(ToString::to_string).collect();
            let wanted =
                wish.engine.as_ref().map(|wanted| format!("{wanted} is not agreed; ")).unwrap_or_default();
            Err(format!("{wanted}the agreement names {}", named.join(", ")))
        } else {
            Choice::among(weighed, entries)
        };
        chosen.map_err(|why| {
            Failure::input(format!("no engine can be used: {why}"))
                .with_help("see `symbolon agreement show` and `symbolon engines`")
        })
    }

    /// Records of a slice, padding included, and whether they are those of its last match; else they are the most that
    /// the agreement allows.
    fn entries(&self, agreed: &MatchTerms, slice: Slice<'_>) -> Result<(u64, bool), Failure> {
        let searched = self.core.book.state().searched(slice)?;
        let most = self.partner.agreement.terms().buckets.places(agreed.largest_slice);
        Ok((searched.unwrap_or(most), searched.is_some()))
    }

    /// Says what a query is expected to cost before it begins.
    pub(super) fn expect(&mut self, ask: &Ask) -> Result<(), Failure> {
        let terms = self.partner.agreement.terms();
        let found = terms.matching.as_ref().zip(ask.matching.as_ref());
        let found = found.and_then(|(agreed, asked)| {
            Some((agreed, agreed.form(&asked.form)?, terms.asked(ask)?, ask::engine(&asked.engine).ok()?))
        });
        // What is not agreed is refused soon.
        let Some((terms, form, asked, engine)) = found else { return Ok(()) };
        let (entries, known) = self.entries(terms, ask.into())?;
        let cost = engine.estimate(&form.form(), entries, asked.alternatives, asked.answer, cores());
        let expected = Expected {
            seconds: cost.seconds,
            bytes_up: cost.bytes_up,
            bytes_down: cost.bytes_down,
            entries,
            known,
        };
        self.report.note(expected.to_string());
        self.expected = Some(expected);
        Ok(())
    }

    /// Ends own keys that the partner no longer has.
    async fn forget(&self, keys: Keys, ended: &Ended) -> Result<(), Failure> {
        let Err(SessionError::Refused { refusal, here: false }) = ended else { return Ok(()) };
        if refusal.code != RefusalCode::StaleKeys {
            return Ok(());
        }
        let core = self.core.clone();
        blocking(move || core.end_keys(&keys, "the partner no longer has them")).await
    }

    /// What is told of an answer. The places of candidates are kept for a claim.
    pub(super) async fn told(
        &self,
        ask: &Ask,
        receipt: &Receipt,
        matched: engine::Matched,
    ) -> Result<Outcome, SessionError> {
        let terms = self.partner.agreement.terms();
        let found = terms.matching.as_ref().zip(ask.matching.as_ref());
        let found = found.and_then(|(agreed, asked)| Some((agreed, asked, agreed.form(&asked.form)?)));
        let (agreed, asked, form) = found.ok_or_else(|| Failure::local("the query was no match"))?;
        let (hit, candidates) = match &matched {
            engine::Matched::Any(hit) => (*hit, None),
            engine::Matched::Candidates { hits, .. } => (!hits.is_empty(), Some(hits.len() as u64)),
            engine::Matched::TooMany => (true, None),
        };
        if let engine::Matched::Candidates { hits, .. } = matched {
            let (core, query) = (self.core.clone(), ask.query);
            blocking(move || Sealed::found(&core, &query, &hits)).await?;
        }
        let comparisons = receipt.entries.saturating_mul(ask.items.into());
        let probes = charges(terms, ask, ask.asked_at);
        let probes = probes.iter().find(|charge| matches!(charge.key.meter, Meter::Probes { .. }));
        let spent = probes.map_or(0, |charge| self.partner.agreement.spent(self.core.book.state(), charge));
        Ok(Outcome::Matched(api::Matched {
            form: form.name.clone(),
            answer: asked.answer,
            hit,
            candidates,
            cap: form.cap,
            engine: asked.engine.clone(),
            entries: receipt.entries,
            comparisons,
            false_hits: false_hits(form, [&asked.engine], comparisons, agreed.prior_permille),
            leakage_bits: receipt.leakage_bits,
            budget: Budget { spent, limit: agreed.budget.into() },
        }))
    }
}
