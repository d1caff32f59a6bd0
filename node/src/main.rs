//! The program `symbolon`; see `symbolon help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    symbolon_node::cli::main()
}
