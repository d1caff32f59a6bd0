//! node

pub mod register;
pub mod sealing;
