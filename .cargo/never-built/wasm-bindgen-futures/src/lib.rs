//! Nothing: see `Cargo.toml`.

compile_error!("this workspace does not build for WebAssembly; see docs/adr/0005-one-lock-file-for-libp2p-and-tfhe.md");
