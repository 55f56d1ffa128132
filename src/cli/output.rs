//! Standard output for data, standard error for people.

use super::exit::Failure;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// Writes data to standard output; a closed pipe ends quietly.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(lost(source)),
        Ok(()) => Ok(()),
    }
}

/// Writes one JSON document to standard output.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| lost(error.into()))?;
    write(&(text + "\n"))
}

fn lost(source: io::Error) -> Failure {
    Failure::Output { place: "standard output".to_owned(), source }
}

/// Tells people something; whether it can be told changes nothing.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether standard error takes colour: a terminal, and `NO_COLOR` unset or empty.
pub fn colour() -> super::report::Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stderr().is_terminal() && !refused {
        super::report::Colour::Ansi
    } else {
        super::report::Colour::Plain
    }
}
