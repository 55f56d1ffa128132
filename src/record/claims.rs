//! What an operation says of itself, held against its journal and its report: it says what these tell, and leaves nothing of it out.

use super::journal::{self, SIGN_OFF};
use super::message::Validation;
use super::operation::{Kind, Operation};
use serde::Deserialize;

/// Whether a file is what tools printed and playbooks left; it may name anybody, so it never stands in clear.
pub(super) fn is_evidence(path: &str) -> bool {
    path.split_once('/').is_some_and(|(first, _)| first.eq_ignore_ascii_case("evidence"))
}

/// What a report says, as far as an operation repeats it.
#[derive(Deserialize)]
struct Report {
    verdict: Validation,
    /// Of a sign-off, the points of its checklist.
    #[serde(default, alias = "items")]
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    verdict: Validation,
}

/// Package, phase, event and result are those of the run that the journal tells of; says why not.
pub(super) fn check_run(operation: &Operation, journal: &[u8]) -> Result<(), String> {
    let (Some(package), Some(phase), Some(run)) = (&operation.package, &operation.phase, operation.run)
    else {
        return Err("operation.json does not say of which package, phase and run it is".to_owned());
    };
    let told =
        journal::told(journal, &package.plan, run).ok_or_else(|| format!("it tells nothing of run {run}"))?;
    if told.phase != *phase {
        return Err(format!("run {run} is {} in the journal, {phase} in operation.json", told.phase));
    }
    let (event, said) = (event(phase).event(), operation.event.event());
    if event != said {
        return Err(format!("{phase} is the event {event}, and operation.json says {said}"));
    }
    match (told.ended, operation.result) {
        (ended, result) if ended == result => Ok(()),
        (Some(ended), Some(result)) => Err(format!(
            "run {run} ended {} in the journal, {} in operation.json",
            ended.as_str(),
            result.as_str()
        )),
        (Some(ended), None) => Err(format!(
            "run {run} ended {} in the journal, and operation.json does not say so",
            ended.as_str()
        )),
        (None, _) => Err(format!("run {run} is a sign-off, which has no result")),
    }
}

/// The event of a phase, as `operation.py` of a package has it.
fn event(phase: &str) -> Kind {
    match phase {
        "import" => Kind::Configuration,
        "invite" => Kind::Access,
        "cutover" => Kind::Cutover,
        "rollback" | "abort" => Kind::Rollback,
        _ => Kind::Deployment,
    }
}

/// The file in the operation's folder that its validation repeats, if it ran a phase.
pub(super) fn report(operation: &Operation) -> Option<String> {
    operation.phase.as_deref().map(|phase| match phase {
        SIGN_OFF => "sign-off.json".to_owned(),
        phase => format!("reports/{phase}.json"),
    })
}

/// The validation is the verdict of the report, which is no better than its checks; says why not.
///
/// A run of `./migrate`, which has a journal, is only validated by a report that stands beside it in clear.
pub(super) fn check_validation(operation: &Operation, report: Option<&[u8]>) -> Result<(), String> {
    let said = operation.validation;
    let Some(report) = report else {
        if operation.journal.is_some() && said != Validation::NotRun {
            return Err(format!("validation is {}, and no report in clear says so", said.as_str()));
        }
        return Ok(());
    };
    let report: Report =
        serde_json::from_slice(report).map_err(|_| "its report does not say a verdict".to_owned())?;
    if report.verdict != said {
        return Err(format!(
            "validation is {}, and its report says {}",
            said.as_str(),
            report.verdict.as_str()
        ));
    }
    let worse = |check: &&Check| !matches!(check.verdict, Validation::Pass | Validation::NotRun);
    match report.checks.iter().find(worse) {
        Some(check) if said == Validation::Pass => {
            Err(format!("validation is pass, and a check of its report says {}", check.verdict.as_str()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(text: &str) -> Operation {
        let text = format!(
            "{{\"schema\":1,\"slug\":\"harbour\",\"package\":{{\"number\":1,\"sha256\":\"{PLAN}\",\"plan\":\"{PLAN}\"}},\
             \"run\":1,\"started\":\"2026-01-10T00:00:00Z\",\"ended\":\"2026-01-10T00:00:00Z\",\
             \"journal\":{{\"lines\":1,\"sha256\":\"\"}},{text}}}"
        );
        Operation::parse(text.as_bytes()).unwrap()
    }

    const PLAN: &str = "sha256:7777777777777777777777777777777777777777777777777777777777777777";

    fn journal(phase: &str, step: &str, state: &str) -> String {
        format!(
            "{{\"plan\":\"{PLAN}\",\"run\":1,\"phase\":\"{phase}\",\"step\":\"{step}\",\"state\":\"{state}\"}}\n"
        )
    }

    #[test]
    fn an_operation_says_all_that_its_journal_tells_and_nothing_else() {
        let verify = journal("verify", "end", "finished");
        let why = |text: &str, journal: &str| check_run(&operation(text), journal.as_bytes()).err();
        let right = r#""event":"deployment","phase":"verify","result":"finished","validation":"not_run""#;
        assert_eq!(why(right, &verify), None);
        for (from, to, told) in [
            (
                r#""result":"finished","#,
                "",
                "ended finished in the journal, and operation.json does not say so",
            ),
            ("finished", "failed", "run 1 ended finished in the journal, failed in operation.json"),
            (r#""phase":"verify","#, "", "does not say of which package, phase and run"),
            ("verify", "cutover", "run 1 is verify in the journal, cutover in operation.json"),
            ("deployment", "cutover", "verify is the event deployment, and operation.json says cutover"),
        ] {
            let said = why(&right.replace(from, to), &verify).unwrap();
            assert!(said.contains(told), "{said}");
        }
        let sign_off = journal("verify", "sign-off", "done");
        let right = r#""event":"deployment","phase":"sign-off","validation":"pass""#;
        assert_eq!(why(right, &sign_off), None);
        assert!(why(&format!("{right},\"result\":\"paused\""), &sign_off).unwrap().contains("has no result"));
        assert_eq!(
            why(right, &verify).unwrap(),
            "run 1 is verify in the journal, sign-off in operation.json"
        );
    }

    #[test]
    fn a_validation_is_the_verdict_of_the_report() {
        let operation = |word: &str| {
            operation(&format!(r#""event":"deployment","phase":"verify","validation":"{word}""#))
        };
        let why = |word: &str, report: Option<&str>| {
            check_validation(&operation(word), report.map(str::as_bytes)).err()
        };
        assert_eq!(why("pass", Some(r#"{"verdict":"pass","checks":[{"verdict":"pass"}]}"#)), None);
        assert_eq!(why("not_run", None), None);
        for (word, report, told) in [
            ("pass", None, "validation is pass, and no report in clear says so"),
            ("pass", Some(r#"{"verdict":"fail"}"#), "validation is pass, and its report says fail"),
            ("not_run", Some(r#"{"verdict":"fail"}"#), "validation is not_run, and its report says fail"),
            ("pass", Some("{}"), "its report does not say a verdict"),
            (
                "pass",
                Some(r#"{"verdict":"pass","items":[{"verdict":"fail"}]}"#),
                "validation is pass, and a check of its report says fail",
            ),
        ] {
            assert_eq!(why(word, report).as_deref(), Some(told));
        }
    }
}
