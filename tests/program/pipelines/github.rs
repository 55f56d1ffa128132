//! Runs a workflow as GitHub documents it: expressions, conditions, outputs, bash.

use crate::workspace::{Run, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A machine for one job.
pub struct Machine<'a> {
    pub folder: &'a Path,
    /// What `uses: actions/checkout` gets, by its `repository`; the one without a name is the workflow's own.
    pub repositories: BTreeMap<&'a str, PathBuf>,
    /// Contexts by their names, such as `github.event_name`; one that is asked for and not here fails the test.
    pub contexts: BTreeMap<String, String>,
    /// Variables that GitHub sets beside those of the runner.
    pub environment: BTreeMap<&'a str, String>,
}

/// How a job ended.
pub struct Ended {
    /// The last step that ran, whose end is the job's.
    pub last: String,
    pub run: Run,
    /// By name, `${{ … }}` filled in.
    pub outputs: BTreeMap<String, String>,
    pub summary: String,
}

/// The workflow, parsed.
pub fn workflow(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).expect("the workflow")).expect("YAML")
}

impl Machine<'_> {
    /// Runs a job, or says that its condition keeps it from running.
    pub fn job(&mut self, workflow: &Value, name: &str) -> Option<Ended> {
        let job = &workflow["jobs"][name];
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
        if !self.holds(&job["if"]) {
            return None;
        }
        let temp = self.folder.join("runner-temp");
        fs::create_dir_all(&temp).expect("a folder");
        let mut ended = None;
        for step in job["steps"].as_array().expect("steps") {
            if let Some(uses) = step["uses"].as_str() {
                // What brings Terraform brings nothing here: a stand-in is on PATH.
                if uses.starts_with("hashicorp/setup-terraform@") {
                    assert_eq!(step["with"]["terraform_wrapper"], false, "its output is read");
                } else {
                    self.checkout(step);
                }
            } else if self.holds(&step["if"]) {
                let name = step["name"].as_str().expect("each step has a name").to_owned();
                let run = self.step(step, &temp);
                let failed = run.code != 0;
                ended = Some((name, run));
                if failed {
                    break;
                }
            }
        }
        let (last, run) = ended.expect("a step ran");
        let outputs = job["outputs"].as_object().cloned().unwrap_or_default();
        let outputs = outputs.iter().map(|(name, value)| (name.clone(), self.filled(value)));
        let summary = fs::read_to_string(temp.join("summary")).unwrap_or_default();
        Some(Ended { last, run, outputs: outputs.collect(), summary })
    }

    /// What `actions/checkout` does with the options that are used here.
    fn checkout(&self, step: &Value) {
        let with = &step["with"];
        assert!(step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")));
        assert_eq!(with["persist-credentials"], false, "no credential stays on the disk");
        let repository =
            if with["repository"].is_null() { String::new() } else { self.filled(&with["repository"]) };
        let from = format!("file://{}", self.repositories[repository.as_str()].display());
        let mut git = assert_cmd::Command::new("git");
        git.args(["clone", "--quiet"]);
        let depth = with["fetch-depth"].as_u64().unwrap_or(1);
        if depth > 0 {
            git.arg(format!("--depth={depth}"));
        }
        if let Some(branch) = with["ref"].as_str() {
            git.args(["--branch", branch]);
        }
        git.arg(from).arg(self.folder.join(with["path"].as_str().expect("a path")));
        run(git).exits_with(0);
    }

    fn step(&mut self, step: &Value, temp: &Path) -> Run {
        let script = step["run"].as_str().expect("a script");
        assert!(!script.contains("${{"), "no expression in a script: {script}");
        let (file, output) = (temp.join("script.sh"), temp.join("output"));
        fs::write(&file, script).expect("written");
        fs::write(&output, "").expect("written");
        let mut bash = assert_cmd::Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&file).current_dir(self.folder);
        bash.env_clear().env("PATH", std::env::var_os("PATH").expect("PATH")).env("HOME", self.folder);
        bash.env("RUNNER_TEMP", temp).env("GITHUB_OUTPUT", &output);
        bash.env("GITHUB_STEP_SUMMARY", temp.join("summary")).envs(&self.environment);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            bash.env(name, self.filled(value));
        }
        let ended = run(bash);
        if let Some(id) = step["id"].as_str() {
            for (name, value) in outputs(&fs::read_to_string(&output).expect("read")) {
                self.contexts.insert(format!("steps.{id}.outputs.{name}"), value);
            }
        }
        ended
    }

    /// A context's value. An output that no step has set is empty; whatever else is unknown is a mistake.
    fn context(&self, name: &str) -> String {
        match self.contexts.get(name) {
            Some(value) => value.clone(),
            None if name.starts_with("steps.") => String::new(),
            None => panic!("nobody sets {name}"),
        }
    }

    fn filled(&self, value: &Value) -> String {
        let text = value.as_str().expect("text");
        match text.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) {
            Some(name) => self.context(name),
            None => text.to_owned(),
        }
    }

    /// Conditions of comparisons that must all hold; none always holds.
    fn holds(&self, condition: &Value) -> bool {
        let Some(condition) = condition.as_str() else { return true };
        let side = |text: &str| match text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(literal) => literal.to_owned(),
            None => self.context(text),
        };
        condition.split(" && ").all(|comparison| match comparison.split_once(" == ") {
            Some((left, right)) => side(left) == side(right),
            None => {
                let (left, right) = comparison.split_once(" != ").expect("a comparison");
                side(left) != side(right)
            }
        })
    }
}

/// `GITHUB_OUTPUT`: `name=value`, or `name<<WORD`, lines, `WORD`.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let (mut found, mut lines) = (BTreeMap::new(), text.lines());
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            found.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').expect("a value");
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}
