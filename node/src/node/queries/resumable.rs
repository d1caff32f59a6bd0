//! Own queries that have no answer yet and can be asked again for nothing more.

use std::sync::Arc;

use crate::{
    clock,
    control::api::{Failure, QueryLine, QueryStage, Reply},
    journal::Side,
    node::{Core, blocking},
    state::Stage,
};

/// Lists them, the newest first.
pub(in crate::node) async fn list(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let (state, now) = (core.book.state(), clock::now());
        let mut queries = Vec::new();
        for query in state.queries(Side::Asker)? {
            let ask = query.ask;
            let stage = match query.stage {
                Stage::Open | Stage::Answered(_) => QueryStage::Open,
                // A match that the partner broke is not tried again.
                Stage::Failed if query.broken && ask.matching.is_some() => continue,
                Stage::Failed => QueryStage::Failed,
                Stage::Done(_) if state.unseen(&ask.query)? => QueryStage::Unseen,
                Stage::Done(_) => continue,
            };
            let holds = core.book.agreement(&ask.agreement).is_some_and(|of| of.holds(now).is_ok());
            if !holds || !core.home.queries().join(ask.query.to_string()).is_file() {
                continue;
            }
            queries.push(QueryLine {
                query: ask.query,
                partner: ask.holder,
                exchange: ask.exchange,
                register: ask.register,
                purpose: ask.purpose,
                officer: ask.officer,
                asked_at: ask.asked_at,
                stage,
            });
        }
        queries.sort_by_key(|line| std::cmp::Reverse((line.asked_at, line.query)));
        Ok(Reply::Queries { queries })
    })
    .await
}
