//! See the flow in the crate's first page.
