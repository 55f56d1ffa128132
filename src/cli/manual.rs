//! Man pages: one for the program, one for each command, from the same definitions as the help.

use super::reference::{self, Definition};
use super::{Arguments, Outcome, exit::Failure};
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::PathBuf;
use std::{fs, io};

/// Writes man pages.
#[derive(Debug, Args)]
pub struct ManPages {
    /// Folder to write them into
    folder: PathBuf,
}

impl ManPages {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let mut root = without_help(Arguments::command());
        root.build();
        fs::create_dir_all(&self.folder)
            .and_then(|()| self.write(&root))
            .map_err(|source| Failure::Output { place: self.folder.display().to_string(), source })
    }

    fn write(&self, command: &Command) -> io::Result<()> {
        let man = Man::new(command.clone());
        fs::write(self.folder.join(man.get_filename()), page(man, command)?)?;
        command.get_subcommands().try_for_each(|inner| self.write(inner))
    }
}

/// `stufpack glass help` and the like need no page: `--help` says the same.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

/// One page. Its date is blank: the same sources make the same bytes.
fn page(man: Man, command: &Command) -> io::Result<String> {
    let man = man.source(concat!("stufpack ", env!("CARGO_PKG_VERSION"))).manual("stufpack").date(" ");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    let mut rest = Roff::new();
    definitions(&mut rest, "EXIT STATUS", reference::exit_status(command));
    definitions(&mut rest, "ENVIRONMENT", reference::environment(command));
    definitions(&mut rest, "FILES", reference::files(command));
    rest.control("SH", ["SEE ALSO"]);
    let pages = ["stufpack(1)", "ssh-keygen(1)", "age(1)", "git(1)"];
    let own = format!("{}(1)", command.get_display_name().unwrap_or_else(|| command.get_name()));
    let others: Vec<&str> = pages.into_iter().filter(|page| *page != own).collect();
    rest.text([roman(others.join(", "))]);
    rest.to_writer(&mut out)?;
    // Each part begins with the same definition of the apostrophe.
    let preamble = Roff::new().render();
    Ok(format!("{preamble}{}", String::from_utf8_lossy(&out).replace(&preamble, "")))
}

fn definitions(roff: &mut Roff, heading: &str, definitions: Vec<Definition>) {
    if definitions.is_empty() {
        return;
    }
    roff.control("SH", [heading]);
    for Definition { term, meaning } in definitions {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning.replace('`', ""))]);
    }
}
