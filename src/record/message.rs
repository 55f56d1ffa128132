//! The message of a commit in the glass: one subject, then the same twelve trailers in the same order.
//!
//! There is exactly one way to write an operation down, and reading accepts nothing else: the message is made again from what
//! was read and compared byte for byte. So no trailer can be forged by another, doubled or left out.

use super::value::{NONE, Value};
use crate::model::{Digest, Word};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of operation a commit records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The glass was made: operation 0, the root.
    Init,
    /// A package was compiled.
    Package,
    /// Something was deployed.
    Deployment,
    /// A configuration was changed.
    Configuration,
    /// Users were moved to the other side.
    Cutover,
    /// Something was taken back.
    Rollback,
    /// Who may do or read something was changed or listed.
    Access,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 7] = [
        Self::Init,
        Self::Package,
        Self::Deployment,
        Self::Configuration,
        Self::Cutover,
        Self::Rollback,
        Self::Access,
    ];

    /// The word in the trailer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Package => "package",
            Self::Deployment => "deployment",
            Self::Configuration => "configuration",
            Self::Cutover => "cutover",
            Self::Rollback => "rollback",
            Self::Access => "access",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a validation said, as the research's reports have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Everything that was to be checked was, and was right.
    Pass,
    /// Right, but a person should look.
    Warn,
    /// Something was wrong.
    Fail,
    /// A proof could not be made.
    Unverifiable,
    /// Nothing was checked.
    NotRun,
}

impl Validation {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Warn, Self::Fail, Self::Unverifiable, Self::NotRun];

    /// The word in the trailer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unverifiable => "unverifiable",
            Self::NotRun => "not_run",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|validation| validation.as_str() == text)
    }
}

/// The package that an operation makes or concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageRef {
    /// Its number, counted per issuer and installation.
    pub number: u32,
    /// SHA-256 of its `SHA256SUMS`.
    pub sha256: Digest,
    /// SHA-256 of its `MIGRATION-PLAN.json`.
    pub plan: Digest,
}

/// Everything that a commit message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened.
    pub event: Event,
    /// Number of the operation, counted per glass from 0.
    pub operation: u32,
    /// The package it makes or concerns.
    pub package: Option<PackageRef>,
    /// Name of the package it makes, as its manifest has it; stands in the subject, so that a list of commits says something.
    pub name: Option<String>,
    /// Id of the tree before, none for the root.
    pub before: Option<git2::Oid>,
    /// Id of the tree after.
    pub after: git2::Oid,
    /// Who asked for it.
    pub requested_by: Option<Value>,
    /// Who approved it.
    pub approved_by: Option<Value>,
    /// Where it was discussed.
    pub ticket: Option<Value>,
    /// What the validation said.
    pub validation: Validation,
    /// What made the commit.
    pub tool: Value,
}

/// Names of the trailers, in their order.
pub const TRAILERS: [&str; 12] = [
    "Event",
    "Operation",
    "Package-Number",
    "Package-SHA256",
    "Plan-SHA256",
    "Before",
    "After",
    "Requested-By",
    "Approved-By",
    "Ticket",
    "Validation",
    "Tool",
];

/// Why a text is no message of an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nothing follows the subject.
    #[error("there are no trailers")]
    NoTrailers,
    /// A trailer is not there, or another one is in its place.
    #[error("the trailer {0} is missing or not in its place")]
    Missing(&'static str),
    /// A trailer says what it cannot say.
    #[error("the trailer {0} has no valid value")]
    Invalid(&'static str),
    /// The subject of a package's commit names no package.
    #[error("the subject does not name the package that is recorded")]
    Nameless,
    /// Everything can be read, and [`Message::render`] would have written it in another way.
    #[error("it is not written as stufpack writes it: subject, empty line, twelve trailers")]
    Form,
}

impl Message {
    /// The message as it stands in the commit.
    pub fn render(&self) -> String {
        let none = || NONE.to_owned();
        let package = self.package.as_ref();
        let value = |value: &Option<Value>| value.as_ref().map_or_else(none, Value::to_string);
        let values = [
            self.event.to_string(),
            self.operation.to_string(),
            package.map_or_else(none, |p| p.number.to_string()),
            package.map_or_else(none, |p| p.sha256.hex()),
            package.map_or_else(none, |p| p.plan.hex()),
            self.before.map_or_else(none, |id| id.to_string()),
            self.after.to_string(),
            value(&self.requested_by),
            value(&self.approved_by),
            value(&self.ticket),
            self.validation.as_str().to_owned(),
            self.tool.to_string(),
        ];
        let mut text = match (&self.name, package) {
            (Some(name), _) => format!("{} {}: {name}\n\n", self.event, self.operation),
            (None, Some(package)) => {
                format!("{} {}: package {}\n\n", self.event, self.operation, package.number)
            }
            (None, None) => format!("{} {}\n\n", self.event, self.operation),
        };
        for (name, value) in TRAILERS.iter().zip(values) {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(&value);
            text.push('\n');
        }
        text
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// What is wrong with one that [`Message::render`] did not make.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let (subject, block) = text.split_once("\n\n").ok_or(MessageError::NoTrailers)?;
        let mut lines = block.lines();
        let mut values = TRAILERS.iter().map(|&name| {
            lines
                .next()
                .and_then(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .ok_or(MessageError::Missing(name))
        });
        let mut next = || values.next().unwrap_or(Err(MessageError::Form));
        let bad = MessageError::Invalid;

        let event = Event::parse(next()?).ok_or_else(|| bad("Event"))?;
        let operation = next()?.parse().map_err(|_| bad("Operation"))?;
        let package = match (next()?, next()?, next()?) {
            (NONE, NONE, NONE) => None,
            (number, sha256, plan) => Some(PackageRef {
                number: number.parse().map_err(|_| bad("Package-Number"))?,
                sha256: digest(sha256).ok_or_else(|| bad("Package-SHA256"))?,
                plan: digest(plan).ok_or_else(|| bad("Plan-SHA256"))?,
            }),
        };
        let name = match event {
            Event::Package => Some(name(subject).ok_or(MessageError::Nameless)?),
            _ => None,
        };
        let id = |name: &'static str, text: &str| git2::Oid::from_str(text).map_err(|_| bad(name));
        let before = match next()? {
            NONE => None,
            text => Some(id("Before", text)?),
        };
        let after = id("After", next()?)?;
        let optional = |name: &'static str, text: &str| match text {
            NONE => Ok(None),
            text => Value::read(name, text).map(Some).map_err(|_| bad(name)),
        };
        let message = Self {
            event,
            operation,
            package,
            name,
            before,
            after,
            requested_by: optional("Requested-By", next()?)?,
            approved_by: optional("Approved-By", next()?)?,
            ticket: optional("Ticket", next()?)?,
            validation: Validation::parse(next()?).ok_or_else(|| bad("Validation"))?,
            tool: Value::read("Tool", next()?).map_err(|_| bad("Tool"))?,
        };
        if message.render() != text {
            return Err(MessageError::Form);
        }
        Ok(message)
    }
}

/// The name in the subject of a commit that records a package: one word that can be nothing else.
fn name(subject: &str) -> Option<String> {
    let (_, name) = subject.split_once(": ")?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!name.is_empty() && name.len() <= 120 && name.bytes().all(plain)).then(|| name.to_owned())
}

fn digest(text: &str) -> Option<Digest> {
    Digest::parse(&format!("sha256:{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            event: Event::Package,
            operation: 7,
            package: Some(PackageRef { number: 3, sha256: Digest::of(b"a"), plan: Digest::of(b"b") }),
            name: Some("harbour-production-hosted-to-self-host-3".to_owned()),
            before: None,
            after: git2::Oid::hash_object(git2::ObjectType::Tree, b"").unwrap(),
            requested_by: Some(Value::parse("Requested-By", "Åse: (x)").unwrap()),
            approved_by: None,
            ticket: None,
            validation: Validation::NotRun,
            tool: Value::parse("Tool", "stufpack 0.1.0").unwrap(),
        }
    }

    #[test]
    fn a_message_comes_back_the_same() {
        assert_eq!(Message::parse(&message().render()).unwrap(), message());
    }

    #[test]
    fn a_message_with_anything_added_moved_or_doubled_is_refused() {
        let text = message().render();
        for other in [
            format!("{text}Approved-By: eve\n"),
            format!("{text}\n"),
            text.replace("Approved-By: none", "Approved-By: eve\nApproved-By: none"),
            text.replace("Ticket: none\n", ""),
            text.replace("Operation: 7", "Operation: 07"),
            text.replace("package 7:", "package 8:"),
            text.replace("harbour-production-hosted-to-self-host-3", "package 3"),
            text.replace(": harbour-production-hosted-to-self-host-3", ""),
            text.replace("Event: package", "Event:  package"),
            text.trim_end().to_owned(),
            format!("Good \"git\" signature for issuer/hosting\n{text}"),
        ] {
            assert!(Message::parse(&other).is_err(), "{other}");
        }
    }
}
