//! What an operation says of itself, held against its journal, its report and its approval: it says what these tell, and leaves
//! nothing of it out.

use super::journal::{self, SIGN_OFF, Told, Undone};
use super::message::Validation;
use super::operation::{Kind, Operation};
use serde::Deserialize;

/// Whether a file is what tools printed and playbooks left; it may name anybody, so it never stands in clear.
pub(super) fn is_evidence(path: &str) -> bool {
    path.split_once('/').is_some_and(|(first, _)| first.eq_ignore_ascii_case("evidence"))
}

/// Files of an operation that stand in clear, and say what it repeats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clear<'a> {
    pub journal: Option<&'a [u8]>,
    /// The file that [`report`] names.
    pub report: Option<&'a [u8]>,
    /// The file that [`approval`] names.
    pub approval: Option<&'a [u8]>,
}

/// Whether the verdict and who approved are what the files in clear tell; says why not.
pub(super) fn check(operation: &Operation, clear: Clear<'_>) -> Result<(), String> {
    check_validation(operation, clear)?;
    check_approval(operation, clear)
}

/// Whether a commit names those who asked for a run and approved it as its folder does; says why not.
///
/// Who asked for what has no journal (a change of the configuration, or of who may do what, by hand), and approved it, may be said
/// when it is recorded.
pub(super) fn check_people(
    operation: &Operation,
    requested_by: Option<&str>,
    approved_by: Option<&str>,
) -> Result<(), String> {
    if operation.journal.is_none() {
        return Ok(());
    }
    let people = [
        ("Requested-By", requested_by, operation.requested_by.as_deref()),
        ("Approved-By", approved_by, operation.approved_by.as_deref()),
    ];
    let name = |name: Option<&str>| name.map_or_else(|| "nobody".to_owned(), |name| format!("{name:?}"));
    match people.into_iter().find(|(_, named, said)| named != said) {
        None => Ok(()),
        Some((trailer, named, said)) => {
            Err(format!("{trailer} is {}, and operation.json names {}", name(named), name(said)))
        }
    }
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
    id: Option<String>,
    verdict: Validation,
}

/// Who approved, or signed; of a sign-off, whether that was right.
#[derive(Deserialize)]
struct Approval {
    by: String,
    verdict: Option<Validation>,
}

/// Package, phase, event, times and result are those of the run that the journal tells of; says why not.
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
    match told.times {
        None => return Err(format!("run {run} does not say when it was")),
        Some(times) if times == (operation.started, operation.ended) => {}
        Some((since, until)) => {
            let (started, ended) = (operation.started, operation.ended);
            return Err(format!(
                "run {run} was from {since} to {until} in the journal, from {started} to {ended} in operation.json"
            ));
        }
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

/// The file in the operation's folder that says who approved it, or signed.
pub(super) fn approval(operation: &Operation) -> &'static str {
    if operation.phase.as_deref() == Some(SIGN_OFF) { "sign-off.json" } else { "approval.json" }
}

/// The validation is the verdict of the report, which is no better than its checks, and these no better than the steps.
///
/// It is only validated by a report that stands beside it in clear, and has one where it came to a verdict. Without a journal it
/// is not validated at all, which reading it sees to.
fn check_validation(operation: &Operation, clear: Clear<'_>) -> Result<(), String> {
    let said = operation.validation;
    let run = operation.package.as_ref().zip(operation.run).zip(clear.journal);
    let told = run.and_then(|((package, run), journal)| journal::told(journal, &package.plan, run));
    let Some(report) = clear.report else {
        if operation.journal.is_some() && said != Validation::NotRun {
            return Err(format!("validation is {}, and no report in clear says so", said.as_str()));
        }
        return match told {
            Some(told) if told.judged => {
                Err(format!("its {} came to a verdict, and no report in clear says which", told.phase))
            }
            _ => Ok(()),
        };
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
    // What need not run may be left out; whatever ran counts.
    let ran = report.checks.iter().filter(|check| check.verdict != Validation::NotRun);
    if let Some(check) = ran.into_iter().find(|check| badness(check.verdict) > badness(said)) {
        return Err(format!(
            "validation is {}, and a check of its report says {}",
            said.as_str(),
            check.verdict.as_str()
        ));
    }
    told.map_or(Ok(()), |told| check_steps(said, &report.checks, &told))
}

/// What did not come to its end is no proof: neither for the whole nor for the check that a step is by itself.
fn check_steps(said: Validation, checks: &[Check], told: &Told) -> Result<(), String> {
    let is_right = |verdict| matches!(verdict, Validation::Pass | Validation::Warn);
    if let Some(Undone { step, state }) = told.unproven.as_ref().filter(|_| is_right(said)) {
        return Err(format!("validation is {}, and {step} is {state} in the journal", said.as_str()));
    }
    for Undone { step, state } in &told.undone {
        let name = step.split_once('/').map_or(step.as_str(), |(_, name)| name);
        let mut own = checks.iter().filter(|check| check.id.as_deref() == Some(name));
        if let Some(check) = own.find(|check| is_right(check.verdict)) {
            let verdict = check.verdict.as_str();
            return Err(format!(
                "the check {name} of its report says {verdict}, and {step} is {state} in the journal"
            ));
        }
    }
    Ok(())
}

/// Verdicts from best to worst, as `report.py` of a package has them.
fn badness(verdict: Validation) -> u8 {
    match verdict {
        Validation::Pass => 0,
        Validation::Warn => 1,
        Validation::NotRun => 2,
        Validation::Unverifiable => 3,
        Validation::Fail => 4,
    }
}

/// Who approved a run of `./migrate` is who its approval names, or signed that all was right.
fn check_approval(operation: &Operation, clear: Clear<'_>) -> Result<(), String> {
    if operation.journal.is_none() {
        return Ok(());
    }
    let file = approval(operation);
    let read = |bytes| {
        serde_json::from_slice::<Approval>(bytes).map_err(|_| format!("{file} does not say who it was"))
    };
    let approval = clear.approval.map(read).transpose()?;
    let is_sign_off = operation.phase.as_deref() == Some(SIGN_OFF);
    let counts = |approval: &Approval| !is_sign_off || approval.verdict == Some(Validation::Pass);
    let by = approval.filter(counts).map(|approval| approval.by);
    match (&operation.approved_by, by) {
        (said, by) if *said == by => Ok(()),
        (Some(said), Some(by)) => Err(format!("approved_by is {said:?}, and {file} says {by:?}")),
        (Some(said), None) => Err(format!("approved_by is {said:?}, and no {file} in clear says so")),
        (None, by) => {
            Err(format!("{file} says {:?}, and operation.json does not name them", by.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(text: &str) -> Operation {
        let text = format!(
            "{{\"schema\":1,\"slug\":\"harbour\",\"package\":{{\"number\":1,\"sha256\":\"{PLAN}\",\"plan\":\"{PLAN}\"}},\
             \"run\":1,\"started\":\"2026-01-10T00:00:00Z\",\"ended\":\"2026-01-10T00:00:09Z\",\
             \"journal\":{{\"lines\":1,\"sha256\":\"\"}},{text}}}"
        );
        Operation::parse(text.as_bytes()).unwrap()
    }

    const PLAN: &str = "sha256:7777777777777777777777777777777777777777777777777777777777777777";

    fn journal(phase: &str, step: &str, state: &str) -> String {
        let line = |step: &str, state: &str, second: u32| {
            format!(
                "{{\"plan\":\"{PLAN}\",\"run\":1,\"phase\":\"{phase}\",\"step\":\"{step}\",\"state\":\"{state}\",\
                 \"at\":\"2026-01-10T00:00:0{second}Z\"}}\n"
            )
        };
        line(&format!("{phase}/step"), "started", 0) + &line(step, state, 9)
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
        for (from, to, told) in [
            (
                "00:09Z",
                "00:08Z",
                "run 1 was from 2026-01-10T00:00:00Z to 2026-01-10T00:00:08Z in the journal, \
                 from 2026-01-10T00:00:00Z to 2026-01-10T00:00:09Z in operation.json",
            ),
            ("00:00Z", "today", "run 1 does not say when it was"),
        ] {
            assert_eq!(why(right, &verify.replace(from, to)).as_deref(), Some(told));
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
            let clear = Clear { report: report.map(str::as_bytes), ..Clear::default() };
            check(&operation(word), clear).err()
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
            (
                "not_run",
                Some(r#"{"verdict":"not_run","checks":[{"verdict":"unverifiable"}]}"#),
                "validation is not_run, and a check of its report says unverifiable",
            ),
        ] {
            assert_eq!(why(word, report).as_deref(), Some(told));
        }
        let some =
            r#"{"verdict":"warn","checks":[{"verdict":"warn"},{"verdict":"not_run"},{"verdict":"pass"}]}"#;
        assert_eq!(why("warn", Some(some)), None);
        let run = |word: &str, report: &str, state: &str| {
            let journal = journal("verify", "verify/step", state);
            let clear =
                Clear { journal: Some(journal.as_bytes()), report: Some(report.as_bytes()), approval: None };
            check(&operation(word), clear).err()
        };
        let right = r#"{"verdict":"pass","checks":[{"id":"step","verdict":"pass"}]}"#;
        let half = r#"{"verdict":"fail","checks":[{"id":"step","verdict":"pass"},{"verdict":"fail"}]}"#;
        let finer = half.replace("\"step\"", "\"step/a\"");
        for (word, report, state, told) in [
            ("pass", right, "done", None),
            ("pass", right, "failed", Some("validation is pass, and verify/step is failed in the journal")),
            ("pass", right, "lost", Some("validation is pass, and verify/step is lost in the journal")),
            (
                "fail",
                half,
                "failed",
                Some("the check step of its report says pass, and verify/step is failed in the journal"),
            ),
            ("fail", finer.as_str(), "failed", None),
        ] {
            assert_eq!(run(word, report, state).as_deref(), told, "{word} {state}");
        }
        for (state, told) in [
            ("finished", Some("its verify came to a verdict, and no report in clear says which")),
            ("failed", Some("its verify came to a verdict, and no report in clear says which")),
            ("done", None),
        ] {
            let journal = journal("verify", "verify/b", state);
            let clear = Clear { journal: Some(journal.as_bytes()), ..Clear::default() };
            assert_eq!(check(&operation("not_run"), clear).err().as_deref(), told);
        }
    }

    #[test]
    fn who_asked_and_who_approved_are_those_whom_the_folder_of_a_run_names() {
        let text = r#""event":"deployment","phase":"deploy","validation":"not_run","requested_by":"Tina""#;
        let why = |operation: &Operation, requested_by: Option<&str>, approved_by: Option<&str>| {
            check_people(operation, requested_by, approved_by).err().unwrap_or_default()
        };
        let mut operation = operation(text);
        assert_eq!(why(&operation, Some("Tina"), None), "");
        for (requested_by, approved_by, told) in [
            (Some("Bob"), None, r#"Requested-By is "Bob", and operation.json names "Tina""#),
            (None, None, r#"Requested-By is nobody, and operation.json names "Tina""#),
            (Some("Tina"), Some("Ada"), r#"Approved-By is "Ada", and operation.json names nobody"#),
        ] {
            assert_eq!(why(&operation, requested_by, approved_by), told);
        }
        operation.journal = None;
        assert_eq!(why(&operation, Some("Bob"), Some("Ada")), "");
    }

    #[test]
    fn who_approved_is_who_the_approval_names() {
        let why = |phase: &str, by: &str, approval: Option<&str>| {
            let operation =
                operation(&format!(r#""event":"deployment","phase":"{phase}","validation":"not_run"{by}"#));
            let clear = Clear { approval: approval.map(str::as_bytes), ..Clear::default() };
            check_approval(&operation, clear).err()
        };
        let (ada, none) = (r#","approved_by":"Ada""#, "");
        let right = Some(r#"{"by":"Ada","gate":"approve-cutover"}"#);
        assert_eq!(why("cutover", ada, right), None);
        assert_eq!(why("cutover", none, None), None);
        assert_eq!(why("sign-off", ada, Some(r#"{"by":"Ada","verdict":"pass"}"#)), None);
        assert_eq!(why("sign-off", none, Some(r#"{"by":"Ada","verdict":"fail"}"#)), None);
        for (phase, by, approval, told) in [
            ("cutover", ada, None, r#"approved_by is "Ada", and no approval.json in clear says so"#),
            (
                "cutover",
                ada,
                Some(r#"{"by":"Bob"}"#),
                r#"approved_by is "Ada", and approval.json says "Bob""#,
            ),
            ("cutover", none, right, r#"approval.json says "Ada", and operation.json does not name them"#),
            ("cutover", ada, Some("{}"), "approval.json does not say who it was"),
            (
                "sign-off",
                ada,
                Some(r#"{"by":"Ada","verdict":"fail"}"#),
                r#"approved_by is "Ada", and no sign-off.json in clear says so"#,
            ),
        ] {
            assert_eq!(why(phase, by, approval).as_deref(), Some(told));
        }
    }
}
