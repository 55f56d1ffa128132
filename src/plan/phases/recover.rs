//! Backup of the source, restore at the target, and export of what runs.

use super::super::facts::Facts;
use super::super::figures;
use super::super::step::{Actor, Draft, Estimate, Place, Side};
use super::{PhaseDraft, back, needs, nothing, shows};

pub(super) fn backup(facts: &Facts) -> PhaseDraft {
    let kept = super::super::state_folder(facts);
    PhaseDraft {
        id: "backup",
        title: "Back up the source",
        place: Place::Forward,
        command: "./migrate backup",
        gate: None,
        purpose: "Before anything moves. The content itself is not copied twice: nothing writes to the source before finalize but a rollback, and that saves each version it replaces.",
        steps: vec![
            Draft {
                id: "backup/save-configuration",
                title: "Save the source's configuration and realm",
                side: Side::Source,
                actor: Actor::Automation,
                what: "Makes an export of the source as it is now and encrypts it to the recipients of this package.".into(),
                command: None,
                before: needs("the key source-read is accepted", format!("ls -l {kept}/secrets/source_read")),
                proof: shows("one encrypted file with its digest", format!("ls -l {kept}/backups")),
                abort_when: "the export has findings, or cannot be encrypted".into(),
                undo: nothing("it only adds a file to your state folder"),
                estimate: Estimate::each(30, facts.users, 50, "users"),
                mark: None,
            },
            Draft {
                id: "backup/list-content",
                title: "List the source's content",
                side: Side::Source,
                actor: Actor::Automation,
                what: format!("Takes the native inventory of {} with content types and metadata.", figures::count(facts.content.objects, "object", "objects")),
                command: None,
                before: needs("the key source-read is accepted", format!("ls -l {kept}/secrets/source_read")),
                proof: shows("the number of objects and the inventory's digest", "./migrate status"),
                abort_when: "the inventory is empty and the export's is not".into(),
                undo: nothing("it only reads"),
                estimate: Estimate::each(10, facts.content.objects, 1_000_u64.div_ceil(facts.content.requests_per_second), "objects"),
                mark: None,
            },
            Draft {
                id: "backup/prove-backup",
                title: "Prove that the backup can be read",
                side: Side::Controller,
                actor: Actor::Automation,
                what: "Decrypts the export with your identity, checks its digest and parses it. A backup that nobody has read is a hope.".into(),
                command: None,
                before: needs("your age identity is at hand", "age --version"),
                proof: shows("0 findings", "./migrate status"),
                abort_when: "it cannot be decrypted or read".into(),
                undo: nothing("it only reads"),
                estimate: Estimate::fixed(30, "decrypting and reading one file"),
                mark: None,
            },
        ],
    }
}

pub(super) fn restore(facts: &Facts) -> PhaseDraft {
    PhaseDraft {
        id: "restore",
        title: "Restore a backup",
        place: Place::Back,
        command: "./migrate restore",
        gate: None,
        purpose: "Puts configuration, realm and what was saved before overwriting back at the target.",
        steps: vec![
            Draft {
                id: "restore/choose-backup",
                title: "Choose the backup",
                side: Side::Controller,
                actor: Actor::TrustArchitect,
                what: "The newest one is rarely the one you need when the error is older. They lie where you had BACKUP point when you made them (docs/operations.md, Backup); nothing in this package makes one by itself.".into(),
                command: Some("ls -lt \"$(dirname \"$BACKUP\")\"".into()),
                before: needs("BACKUP names one of them", "ls -l \"$BACKUP\""),
                proof: shows(
                    "nothing is printed: it can be read to its end",
                    "age --decrypt --identity \"$IDENTITY\" --output /dev/null \"$BACKUP\"",
                ),
                abort_when: "none of them can be read".into(),
                undo: nothing("it only reads"),
                estimate: Estimate::fixed(600, "a person's decision"),
                mark: None,
            },
            Draft {
                id: "restore/save-present-state",
                title: "Save the present state",
                side: Side::Target,
                actor: Actor::Automation,
                what: "A restore replaces; what stands there now is saved first.".into(),
                command: None,
                before: needs("uploads are stopped", "./migrate status"),
                proof: shows("the saved state with its digest", format!("{} sudo ls -l /var/lib/stufpack", facts.ssh())),
                abort_when: "it cannot be saved whole".into(),
                undo: nothing("it only adds a copy"),
                estimate: Estimate::each(10, facts.users, 50, "users"),
                mark: None,
            },
            Draft {
                id: "restore/put-back",
                title: "Put the backup back",
                side: Side::Target,
                actor: Actor::Automation,
                what: "Replaces configuration documents, realm and users by those of the backup, all or nothing.".into(),
                command: None,
                before: needs("the present state is saved", "./migrate status"),
                proof: shows("0 differences when read back", "./migrate status"),
                abort_when: "one user or document cannot be written: the present state is put back".into(),
                undo: back("restore/save-present-state", "the saved state is put back", 60),
                estimate: Estimate::each(30, facts.users, 400, "users"),
                mark: None,
            },
        ],
    }
}

pub(super) fn export(facts: &Facts) -> PhaseDraft {
    let kept = super::super::state_folder(facts);
    PhaseDraft {
        id: "export",
        title: "Export what runs",
        place: Place::Beside,
        command: "./migrate export",
        gate: None,
        purpose: "Makes an export of this installation in the form that packages are compiled from: for the next migration, wherever it leads, and, with --digests, for a comparison with the export that this package was made of.",
        steps: vec![
            Draft {
                id: "export/read-installation",
                title: "Read configuration, realm and inventory",
                side: Side::Target,
                actor: Actor::Automation,
                what: format!(
                    "Reads documents, realm, running images, exposure and native inventory on the machine and brings them here; credentials are never part of an export. ./migrate export --digests also reads every file there, for its SHA-256, by which alone stufpack diff compares bytes: for the {} ({}) of this package about {}, and more where there is more by then.",
                    figures::count(facts.content.objects, "object", "objects"),
                    figures::bytes(facts.content.bytes),
                    figures::duration(facts.content.reading()),
                ),
                command: None,
                before: needs("every service is healthy", "./migrate status"),
                proof: shows(
                    "users, collections, objects and bytes, counted",
                    format!("grep -h objects {kept}/packages/{}/logs/*-export-read-installation.log", facts.number),
                ),
                abort_when: "one of them cannot be read whole".into(),
                undo: nothing("it only reads"),
                estimate: Estimate::each(30, facts.users, 100, "users"),
                mark: None,
            },
            Draft {
                id: "export/write-export",
                title: "Write the export",
                side: Side::Controller,
                actor: Actor::Automation,
                what: "Makes the export's folder, mode 0700, named by the time and number of the run, with a fresh salt: whole or not at all, its objects and bytes counted once more.".into(),
                command: None,
                before: needs("the installation is read", "./migrate status"),
                proof: shows("the folder, whose check the run prints as a command", format!("ls -l {kept}/exports")),
                abort_when: "a file is missing, or the inventory does not add up to its totals".into(),
                undo: nothing("it only adds a folder"),
                estimate: Estimate::fixed(30, "writing some files"),
                mark: None,
            },
        ],
    }
}
