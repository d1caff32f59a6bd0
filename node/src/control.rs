//! How the command line talks to a node: one request, any number of progress updates, one reply.
//!
//! A running node serves requests on a socket in its home directory that only its owner can open.
//! Where no node runs, the command line opens the home itself and hands the same requests to the
//! same code.

pub mod api;
mod failure;
