//! `symbolon notice`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NoticeCommand {
    /// List correction notices: what became of fields that this agency received
    #[command(
        after_help = "What corrected fields say now came with the notice if the partner's rules still permit it; the officer \
        who claimed opens it with `symbolon claim open`.\n\nExamples:\n  symbolon notice list\n  symbolon notice list --sent --json"
    )]
    List {
        /// Those that this node tells partners, in place of those it received
        #[arg(long)]
        sent: bool,
    },
}
