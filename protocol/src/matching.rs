//! Match: is someone in the holder's slice whose template is close to the asker's probe?
//!
//! * [`template`] and [`rule`] say what is compared and when it is a hit; [`rule::Rule::hit`] on plain
//!   templates is the oracle to which every engine is held.
//! * An [`engine`] runs the comparison without showing either side's templates. Its card says how
//!   many rounds it takes and what it protects against whom.
//! * [`projection`] makes templates of real-valued embeddings, [`rotation`] the alternatives of a turned
//!   iris.
//! * [`rates`] is the arithmetic of false hits; [`synthetic`] makes templates that err at stated rates.

pub mod ahead;
mod draw;
pub mod engine;
pub mod interactive;
pub mod opening;
pub mod projection;
pub mod rates;
pub mod rotation;
pub mod rule;
pub mod synthetic;
pub mod template;
#[cfg(test)]
mod testing;
pub mod tfhe;
