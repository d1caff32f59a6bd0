//! The journal, checked and exported.

use std::{path::PathBuf, sync::Arc};

use symbolon_policy::signing::Signer as _;

use super::{Core, blocking};
use crate::{
    control::api::{Failure, Reply},
    journal::audit,
};

pub(super) async fn verify(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let report = audit::verify(&core.home.journal(), &core.signer.public())?;
        let detail = serde_json::to_value(&report).map_err(|e| Failure::local(e.to_string()))?;
        Ok(Reply::Audit { clean: report.is_clean(), text: report.to_string(), report: detail })
    })
    .await
}

pub(super) async fn export(core: &Arc<Core>, file: PathBuf) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let cannot = |e: std::io::Error| Failure::input(format!("cannot write {}: {e}", file.display()));
        let mut out = std::io::BufWriter::new(std::fs::File::create(&file).map_err(cannot)?);
        let entries = audit::export(&core.home.journal(), core.book.signer(), &mut out);
        let entries = entries.map_err(|e| Failure::local(e.to_string()))?;
        std::io::Write::flush(&mut out).map_err(cannot)?;
        Ok(Reply::Exported { file, entries })
    })
    .await
}
