//! Every finding of an export and a target, one JSON object on each line, for a pipeline's own report.
//!
//! ```text
//! cargo run --example findings -- examples/minimal/export examples/minimal/target.yaml
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use stufpack::model::Severity;
use stufpack::{check, read};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [export, target] = &paths[..] else { return Err("usage: findings EXPORT TARGET".into()) };

    let source = read::source(export, Some(target))?;
    // Warnings keep nobody from compiling; what is more than that does, and then all of them are in the error.
    let findings = match check::all(source) {
        Ok(checked) => checked.warnings,
        Err(findings) => findings,
    };
    for finding in &findings {
        println!("{}", serde_json::to_string(finding)?);
    }
    let usable = findings.iter().all(|finding| finding.severity == Severity::Warning);
    Ok(if usable { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
