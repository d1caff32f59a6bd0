//! A node: everything of one agency in one process.

mod agreements;
mod ahead;
mod alerts;
mod audit;
mod canaries;
mod cases;
mod claims;
mod core;
mod disclosures;
mod ending;
mod flags;
mod hits;
mod officers;
mod openings;
mod people;
mod queries;
mod registers;
mod rules;
mod serve;
mod snapshots;
mod status;

use std::{path::Path, sync::Arc};

use secrecy::SecretString;

use crate::{
    clock,
    config::Config,
    control::{
        Handler, Updates,
        api::{Failure, QueryTerms, Reply, Request},
    },
};

pub(crate) use self::core::{Core, Partner, Report, blocking};

/// One agency's node, open on its home.
pub struct Node {
    core: Arc<Core>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("agency", self.core.book.own()).finish_non_exhaustive()
    }
}

impl Node {
    /// Opens a home: takes its lock, opens the keystore, verifies the journal and brings everything
    /// else up to it.
    ///
    /// # Errors
    /// A [`Failure`] that says what is in the way.
    pub async fn open(dir: &Path, config: Config, passphrase: SecretString) -> Result<Arc<Self>, Failure> {
        let dir = dir.to_owned();
        let core = blocking(move || Core::open(&dir, config, passphrase)).await?;
        Ok(Arc::new(Self { core: Arc::new(core) }))
    }

    /// Closes the network and makes everything durable. The home's lock goes with the last handle.
    ///
    /// # Errors
    /// A local [`Failure`] if the state cannot be written; it is made anew at the next start.
    pub async fn close(self: Arc<Self>) -> Result<(), Failure> {
        self.core.stop.cancel();
        if let Some(network) = self.core.network.get() {
            network.shutdown().await;
        }
        let core = self.core.clone();
        blocking(move || core.book.state().flush()).await
    }
}

impl Handler for Node {
    async fn handle(&self, request: Request, updates: Updates) -> Result<Reply, Failure> {
        let core = &self.core;
        match request {
            Request::Status => status::status(core).await,
            Request::Identity => status::identity(core),
            Request::RegisterImport { register, file, format, create, rejects } => {
                registers::import(
                    core,
                    registers::Import { register, file, format, create, rejects },
                    updates,
                )
                .await
            }
            Request::RegisterList => registers::list(core).await,
            Request::RegisterShow { register, id } => registers::show(core, register, id).await,
            Request::RegisterRecords { register, after, limit } => {
                registers::records(core, register, after, limit).await
            }
            Request::RegisterErase { register, ids, reason } => {
                registers::erase(core, register, ids, reason).await
            }
            Request::RegisterFlag { register, id, flags, reason } => {
                flags::set(core, register, id, flags, reason).await
            }
            Request::RegisterDisclosures { register, id } => disclosures::of_record(core, register, id).await,
            Request::NoticeList { sent } => disclosures::notices(core, sent),
            Request::AgreementDraft { partner, title, valid_from, days, rules } => {
                agreements::draft(core, *partner, title, valid_from, days, rules)
            }
            Request::AgreementSign { document, proofs } => agreements::sign(core, &document, &proofs),
            Request::AgreementAccept { document, proofs } => {
                agreements::accept(core, &document, &proofs).await
            }
            Request::AgreementList => Ok(agreements::list(core)),
            Request::AgreementShow { id } => agreements::show(core, &id),
            Request::AgreementRevoke { id, reason } => agreements::revoke(core, &id, reason).await,
            Request::RulesNational { change } => rules::national(core, change).await,
            Request::RulesExplain { query } => rules::explain(core, &query),
            Request::RulesSimulate { text, national } => rules::simulate(core, text, national).await,
            Request::PeerList => status::peers(core).await,
            Request::PeerPing { partner } => status::ping(core, &partner).await,
            Request::QueryExact { terms, subjects, format } => {
                queries::exact(core, terms, &subjects, format, updates).await
            }
            Request::QueryCount { terms, subjects, format, kind } => {
                queries::count(core, terms, &subjects, format, kind, updates).await
            }
            Request::QueryMatch { terms, wish } => queries::matching(core, terms, wish, updates).await,
            Request::QueryPrepare { partner, register, purpose, basis, officer, case, form, positions } => {
                let case = case.then(String::new);
                let partners = vec![partner.clone()];
                let terms = QueryTerms { partners, register, purpose, basis, officer, case, authority: None };
                ahead::by_hand(core, &partner, &terms, &form, positions, updates).await
            }
            Request::PeerAllowPreparations { partner, reason } => ahead::allow(core, partner, reason).await,
            Request::QueryWrite { terms, wish, file } => {
                queries::courier::write(core, terms, wish, file, updates).await
            }
            Request::CourierAnswer { file, out } => queries::courier::answer(core, file, out).await,
            Request::CourierOpen { file, out } => queries::courier::open(core, file, out, updates).await,
            Request::QueryList => queries::list(core).await,
            Request::QueryResume { query, authority } => {
                queries::resume(core, query, authority.as_deref(), updates).await
            }
            Request::OfficerEnrol { card, roles, until } => officers::enrol(core, *card, roles, until).await,
            Request::OfficerList => officers::list(core),
            Request::OfficerRemove { id, reason } => officers::remove(core, id, reason).await,
            Request::HitItems { query, hits } => claims::items(core, &query, &hits),
            Request::HitList { overdue } => hits::list(core, overdue).await,
            Request::HitJudge { acts } => claims::judge(core, acts).await,
            Request::ClaimDraft { query, items, fields, officer } => {
                claims::draft(core, query, items, fields, officer).await
            }
            Request::ClaimMake { claim, act } => claims::make(core, *claim, *act, updates).await,
            Request::ClaimCollect { claim } => claims::collect(core, claim, updates).await,
            Request::ClaimList => disclosures::claims(core),
            Request::CaseList { all } => cases::list(core, all).await,
            Request::CaseShow { claim } => cases::show(core, &claim),
            Request::CaseStep { claim, act } => cases::step(core, claim, *act).await,
            Request::SnapshotBuild { partner, register, purpose } => {
                snapshots::build(core, &partner, register, purpose, updates).await
            }
            Request::SnapshotList => snapshots::list(core),
            Request::AuditVerify => audit::verify(core).await,
            Request::AuditReport { from, to, smallest } => audit::report(core, from, to, smallest).await,
            Request::CanaryAdd { partner, register, purposes, from, until, subjects, format } => {
                let from = from.unwrap_or_else(clock::now);
                let held = canaries::Held { partner, register, purposes, from, until };
                canaries::add(core, held, subjects, format).await
            }
            Request::CanaryList => canaries::list(core).await,
            Request::CanaryOpen { file } => canaries::open(core, file).await,
            Request::CanaryReport => canaries::report(core).await,
            Request::AuditAlerts { from, all } => alerts::told(core, from, all).await,
            Request::AlertAcknowledge { act } => alerts::acknowledge(core, act).await,
            Request::AuditTransparency { from, to, smallest, file } => {
                audit::transparency(core, from, to, smallest, file).await
            }
            Request::AuditEvidence { about, file } => audit::evidence(core, about, file).await,
            Request::AuditOpen { act, file } => openings::open(core, *act, file).await,
            Request::AuditExport { file } => audit::export(core, file).await,
            Request::Stop => {
                core.stop.cancel();
                Ok(Reply::Ok)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
