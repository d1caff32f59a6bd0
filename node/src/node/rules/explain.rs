//! Why a query would be allowed or refused, and what a claim after it could release.

use symbolon_policy::{
    agreement::MatchAnswer,
    ask::{Ask, MatchAsk},
    class::RecordClass,
    permit::{self, Refusal, RefusalCode},
    rules::{ExchangeKind, Reason, Rulebook},
    words::{
        AgeBand, AgencyCode, Category, Digest, Field, FormName, Position, Provenance, QueryId, Timestamp,
    },
};

use super::{Core, word};
use crate::{
    clock,
    control::api::{Explain, Explained, Failure, Reply},
    journal::Side,
    node::Partner,
};

/// What the rules and terms say of a query that nobody asks.
///
/// # Errors
/// An input [`Failure`] if there is no such partner or form, or if this node would leave more hits unexplained than
/// it is to say.
pub(in crate::node) fn explain(core: &Core, query: &Explain) -> Result<Reply, Failure> {
    let partner = core.partner(&query.partner)?;
    let own = core.book.own();
    let ask = made_up(core, &partner, query)?;
    let (state, now) = (core.book.state(), clock::now());
    let first = refused_first(core, query, now)?;
    let outside = first.is_some();
    let verdict = match first {
        Some(refusal) => Err(refusal),
        None => permit::admit(&partner.agreement, &ask, own, state, now).map(drop),
    };
    let (context, _) = partner.agreement.decide(&ask, state, &query.partner, now);
    let rulebook = partner.agreement.rulebook();
    let explanation = rulebook.explain(&context);
    let slice = rulebook.explain_slice(&ask.search()).map_err(|e| Failure::local(e.to_string()))?;
    let outcome = match &verdict {
        Ok(()) => "The query would be admitted.".to_owned(),
        Err(refusal) => format!("The query would be refused: {refusal} [{}].", word(refusal.code)?),
    };
    let balance = partner.agreement.balance(state, &query.partner);
    let beside = if outside { "\n\nBeside that, the rules say:" } else { "" };
    let mut text = format!("{outcome}{beside}\n\n{explanation}\n\nRecords that take part:\n{slice}");
    if !query.asking && query.unexplained.is_none() {
        text.push_str(&format!(
            "\n\nHits that {} leaves unexplained are taken from its last query: {}. Others: --unexplained N.",
            query.partner, ask.unexplained
        ));
    }
    let released: Vec<_> =
        query.fields.iter().map(|field| (*field, released(rulebook, &ask, *field))).collect();
    for (field, lines) in &released {
        text.push_str(&format!("\n\nIf a claim finds a record that takes part, {field}:"));
        lines.iter().for_each(|line| text.push_str(&format!("\n  {line}")));
    }
    let detail = serde_json::json!({
        "refusal": verdict.as_ref().err().map(|refusal| serde_json::json!({ "code": refusal.code, "text": refusal.text })),
        "rules": explanation, "slice": slice, "balance": balance, "fields": released,
    });
    Ok(Reply::Explained { permitted: verdict.is_ok(), text, detail })
}

/// What refuses a query whatever its terms and rules say: on the own side an officer who cannot ask, at the holder a
/// register that is not there.
fn refused_first(core: &Core, query: &Explain, now: Timestamp) -> Result<Option<Refusal>, Failure> {
    if !query.asking {
        return Ok(core.has_register(&query.register).err());
    }
    let refusal = |why| {
        let text = format!("{why}, so this node asks nothing for this officer");
        Refusal::new(RefusalCode::OfficerUnproven, text)
    };
    Ok(core.book.cannot_ask(&query.officer, now)?.map(refusal))
}

/// What the rules say of the release of a field: of the record of an adult without any flag, and of each that differs
/// from it in one thing and is decided otherwise.
fn released(rulebook: &Rulebook, ask: &Ask, field: Field) -> Vec<String> {
    let plain = RecordClass {
        category: Category::IrregularCrossing,
        age: AgeBand::Adult,
        provenance: Provenance::Own,
        own_citizen: false,
        vulnerable: false,
        marked: false,
        blocked: false,
        contested: false,
    };
    let decided = |class: &RecordClass| {
        let decisions = (0..=symbolon_policy::claim::MOST_APPROVALS)
            .map(|approvals| (approvals, rulebook.release(&ask.release(field, approvals), class)));
        let mut last = String::new();
        for (approvals, decision) in decisions {
            let by: Vec<_> = decision.clauses.iter().map(|clause| clause.id.as_str()).collect();
            let by = match &decision.reason {
                Reason::Floor(floor) => floor.to_string(),
                _ if by.is_empty() => "no clause permits it".to_owned(),
                _ => by.join(", "),
            };
            if decision.permitted {
                return match approvals {
                    0 => format!("released at once ({by})"),
                    1 => format!("waits for 1 person ({by})"),
                    _ => format!("waits for {approvals} persons ({by})"),
                };
            }
            last = format!("refused ({by})");
        }
        last
    };
    let ordinary = decided(&plain);
    let of = |what: String, class: RecordClass| (what, class);
    let ages = AgeBand::ALL.iter().map(|age| of(format!("age {age}"), RecordClass { age: *age, ..plain }));
    let categories = Category::ALL
        .iter()
        .map(|category| of(format!("category {category}"), RecordClass { category: *category, ..plain }));
    let sources = Provenance::ALL.iter().map(|provenance| {
        of(format!("provenance {provenance}"), RecordClass { provenance: *provenance, ..plain })
    });
    let flags = [
        of("a citizen of the holder's".into(), RecordClass { own_citizen: true, ..plain }),
        of("vulnerable".into(), RecordClass { vulnerable: true, ..plain }),
        of("marked".into(), RecordClass { marked: true, ..plain }),
        of("blocked".into(), RecordClass { blocked: true, ..plain }),
        of("contested".into(), RecordClass { contested: true, ..plain }),
    ];
    let mut lines = vec![format!("of an adult, without flags, own record: {ordinary}")];
    for (what, class) in ages.chain(categories).chain(sources).chain(flags) {
        let said = decided(&class);
        if said != ordinary {
            lines.push(format!("{what}: {said}"));
        }
    }
    lines
}

/// A query with these words, for explanations.
fn made_up(core: &Core, partner: &Partner, query: &Explain) -> Result<Ask, Failure> {
    let own = core.book.own();
    let (asker, holder) = if query.asking { (own, &query.partner) } else { (&query.partner, own) };
    let (exchange, matching) = match &query.of {
        Explained::Exact => (ExchangeKind::Exact, None),
        Explained::Count => (ExchangeKind::Count, None),
        Explained::Match(form) => (ExchangeKind::Match, Some(matched(partner, form, query.items)?)),
    };
    let unexplained = match (query.unexplained, query.asking) {
        (given, true) => says(core, partner, given)?,
        (Some(given), false) => given.into(),
        (None, false) => said_last(core, &query.partner)?.into(),
    };
    Ok(Ask {
        query: QueryId([0; 16]),
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: asker.clone(),
        holder: holder.clone(),
        exchange,
        register: query.register.clone(),
        purpose: query.purpose,
        basis: query.basis,
        officer: query.officer.clone(),
        case: query.case.then_some(Digest([0; 32])),
        items: query.items,
        snapshot: None,
        matching,
        unexplained: u32::try_from(unexplained).unwrap_or(u32::MAX),
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: clock::now(),
    })
}

/// A match by a form of the agreement: by its first engine, for the least that it may tell.
fn matched(partner: &Partner, form: &FormName, items: u32) -> Result<MatchAsk, Failure> {
    let terms = partner.agreement.terms().matching.as_ref();
    let agreed = terms.and_then(|terms| terms.form(form)).ok_or_else(|| {
        let forms = terms.iter().flat_map(|terms| &terms.forms).map(|form| form.name.to_string());
        let forms = forms.collect::<Vec<_>>().join(", ");
        let has = if forms.is_empty() { "none".to_owned() } else { forms };
        Failure::input(format!("the agreement has no form {form}; it has: {has}"))
    })?;
    // More than can ever be agreed are refused as so many.
    let most = usize::try_from(items).unwrap_or(usize::MAX).min(u16::MAX.into());
    let taken = Position::ALL.iter().filter(|position| position.modality() == agreed.modality);
    let engine = terms.and_then(|terms| terms.engines.first().cloned());
    Ok(MatchAsk {
        form: form.clone(),
        engine: engine.ok_or_else(|| Failure::integrity("the agreement has no engine"))?,
        answer: agreed.answers.first().copied().unwrap_or(MatchAnswer::Any),
        keys: Digest([0; 32]),
        positions: taken.copied().cycle().take(most).collect(),
    })
}

/// How many hits an own query says that this node leaves unexplained. More than it counts now can be tried: there may be
/// more when the query is put.
///
/// # Errors
/// An input [`Failure`] for fewer, which no query of this node says.
fn says(core: &Core, partner: &Partner, given: Option<u32>) -> Result<u64, Failure> {
    let counted = partner.agreement.unexplained(core.book.state(), clock::now());
    let given = given.map_or(counted, u64::from);
    if given < counted {
        let what = format!("this node leaves {counted} hits unexplained, and its queries say no fewer");
        let help = format!("give --unexplained {counted} or more, or leave it out; see `symbolon hit list`");
        return Err(Failure::input(what).with_help(help));
    }
    Ok(given)
}

/// How many hits a partner said in its last query that it leaves unexplained.
fn said_last(core: &Core, partner: &AgencyCode) -> Result<u32, Failure> {
    let queries = core.book.state().queries(Side::Holder)?;
    let theirs = queries.into_iter().map(|query| query.ask).filter(|ask| ask.asker == *partner);
    Ok(theirs.max_by_key(|ask| ask.asked_at).map_or(0, |ask| ask.unexplained))
}

/// What an own query that no clause permits lacks, as far as the nearest clause tells, and how to learn more.
pub(in crate::node) fn why(core: &Core, partner: &Partner, query: &Explain) -> String {
    let Ok(ask) = made_up(core, partner, query) else { return String::new() };
    let (context, _) = partner.agreement.decide(&ask, core.book.state(), &query.partner, clock::now());
    let explanation = partner.agreement.rulebook().explain(&context);
    let nearest =
        explanation.clauses.first().filter(|_| explanation.decision.reason == Reason::NothingPermits);
    let lacks = nearest.map(|nearest| {
        let failing = nearest.conditions.iter().filter(|condition| condition.holds != Ok(true));
        let failing: Vec<_> = failing.map(ToString::to_string).collect();
        format!("the nearest clause, {}: {}; ", nearest.clause.id, failing.join("; "))
    });
    let of = match &query.of {
        Explained::Exact => String::new(),
        Explained::Count => " --count".to_owned(),
        Explained::Match(form) => format!(" --match {form}"),
    };
    let case = if query.case { " --case" } else { "" };
    let Explain { partner, register, purpose, basis, officer, items, .. } = query;
    format!(
        "{}see `symbolon rules explain --partner {partner} --register {register} --purpose {purpose} --basis {basis} \
         --officer {officer}{case}{of} --items {items}`",
        lacks.unwrap_or_default()
    )
}
