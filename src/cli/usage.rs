//! What to type after a command line that could not be understood.

use super::Arguments;
use super::typed::{Typed, command};
use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What to add for an option that is missing.
const MISSING: [(&str, &str); 4] = [
    ("--target", "add --target TARGET (stufpack target init prints one to begin with)"),
    (
        "--sign-key",
        "add --sign-key KEY, or set STUFPACK_SIGN_KEY to its path (ssh-keygen -t ed25519 -N '' -C issuer/NAME -f KEY \
         makes one)",
    ),
    (
        "--signers",
        "add --signers FILE, which holds the signer's line: as VERIFY.txt has it for packages, for a glass with \
         namespaces=\"git,stufpack\"",
    ),
    ("--out", "add --out DIR, the folder that will hold what is made"),
];

/// The text of a mistake without clap's last advice, and what to do next.
pub fn told<'t>(error: &clap::Error, text: &'t str, typed: Typed<'_>) -> (&'t str, String) {
    let text = text.split("\n\nFor more information").next().unwrap_or(text).trim_end();
    let missing = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => &missing[..],
        _ => &[],
    };
    let add = MISSING.iter().filter(|(option, _)| missing.iter().any(|word| word.starts_with(option)));
    let add: Vec<&str> = add.map(|(_, what)| *what).collect();
    (text, if add.is_empty() { help(typed) } else { add.join("; ") })
}

/// What to add for the option that `name` calls.
pub fn add(name: &str) -> &'static str {
    MISSING.iter().find(|(option, _)| *option == name).map_or("see --help", |(_, what)| what)
}

/// The help of the command that was begun.
fn help(typed: Typed<'_>) -> String {
    let mut known = Arguments::command();
    let mut words = Vec::new();
    for word in typed.0.iter().skip(1) {
        let Some(next) = known.find_subcommand(word) else { break };
        words.push(word.clone());
        known = next.clone();
    }
    words.push("--help".into());
    command(words)
}
