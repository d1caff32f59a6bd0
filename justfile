# Usual recipes; `just` alone lists them.

default:
    @just --list

# Build the program.
build:
    cargo build --release

# Two nodes with invented people, from agreement to audit.
demo *arguments:
    cargo run --release -- demo {{arguments}}

# Every test.
test *arguments:
    cargo test --release {{arguments}}

# Formatting, demo, tests, lints, documentation, licences: what every change must pass.
check:
    .ci/run

# Format the code.
format:
    cargo fmt --all

# Lints, warnings denied.
lint:
    cargo clippy --release --all-targets -- -D warnings

# The documentation of the code.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

# Benchmarks.
bench *arguments:
    cargo bench {{arguments}}

# Licences and sources of dependencies.
licences:
    cargo deny check licenses bans sources

# The tour of the README, in a directory that is thrown away.
tour: build
    #!/usr/bin/env bash
    set -euo pipefail
    export TMPDIR="$(mktemp -d)"
    trap 'rm -rf "$TMPDIR"' EXIT
    awk '/^```sh$/ {on=1; next} /^```$/ {on=0} on' README.md > "$TMPDIR/tour.sh"
    bash -euo pipefail "$TMPDIR/tour.sh"
