//! The whole flow from a program of one's own: checked, planned, sealed, written, and verified as its receiver does.
//!
//! ```text
//! ssh-keygen -q -t ed25519 -N '' -C issuer/acme -f issuer
//! cargo run --example package -- examples/minimal/export examples/minimal/target.yaml issuer out
//! ```

use std::error::Error;
use std::path::PathBuf;
use stufpack::open::{self, Revoked, Signers, Trust};
use stufpack::pack::{self, Signer};
use stufpack::{check, read};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [export, target, key, out] = &paths[..] else {
        return Err("usage: package EXPORT TARGET KEY OUT".into());
    };

    let source = read::source(export, Some(target))?;
    let checked = check::all(source).map_err(|findings| {
        let messages: Vec<_> = findings.into_iter().map(|finding| finding.message).collect();
        messages.join("\n")
    })?;
    let signer = Signer::from_file(key)?;
    let package = stufpack::compile(&checked, &signer, 1, None)?;
    let written = pack::write(&package, &signer, out, &pack::Output::default())?;
    println!("{}", written.package.display());

    // A receiver has the signer's line by another way than the package; here it is at hand.
    let line = signer.allowed_line(&package.manifest().package.issuer);
    let signers = Signers::parse(line.as_bytes(), "the signer's line")
        .map_err(|problems| format!("{} problems with the signer's line", problems.len()))?;
    let trust = Trust { signers, revoked: Revoked::default(), at: package.manifest().created_at };
    let verified = open::verify(&written.package, None, &trust)?;
    println!("signed by {}, Package-SHA256 {}", verified.signed_by.principal, verified.package.sha256());
    Ok(())
}
