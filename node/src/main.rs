//! The program `symbolon`; see `symbolon help`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A register is millions of short values: with the C library's allocator an import takes half as long again and a
/// snapshot nearly twice the memory (ADR 0007).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    symbolon_node::cli::main()
}
