//! The glass: what is recorded stands, and what was not recorded so is seen.

mod audit_cases;
mod forge;
mod hostile;
mod leaks;
mod lies;
mod many;
mod meaning;
mod operations;
mod order;
mod page;
mod phases;
mod record;
mod site;
mod support;
mod two;
mod unpack;
mod worktree;
