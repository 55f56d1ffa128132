//! The glass: what is recorded stands, and what was not recorded so is seen.

mod record;
mod support;
