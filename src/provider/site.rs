//! Where and on what a target runs, as plan, data files and documents draw on it: the same questions for every provider.

use super::Prices;
use crate::model::{BucketName, HostAddress, HostKey, Service, StorageProvider};
use serde::Serialize;

/// Where and on what the target runs.
#[derive(Clone, Debug)]
pub struct Site {
    /// How a heading calls it, before its name: `existing host`.
    pub label: &'static str,
    /// How a sentence does: `the existing host`.
    pub phrase: &'static str,
    /// How a picture does: `your machine`.
    pub short: &'static str,
    /// Its name there: an address, or a region.
    pub name: String,
    /// The machine.
    pub machine: Machine,
    /// What holds the uploads.
    pub storage: Storage,
    /// What holds users and their sign-in, where that is no service of the project.
    pub database: Option<Database>,
    /// Who encrypts the disks, and with whose keys, where the provider always does; else the target says what is required.
    pub disks_encrypted: Option<&'static str>,
    /// Whether the data lies on a disk of its own, which comes blank.
    pub data_volume: bool,
    /// Whether who may see the pages is decided before the machine, so that port 80 answers nobody else either.
    pub filters_web: bool,
    /// Services of the release that do not run there.
    pub unused: &'static [Service],
    /// What is made for it before anything else, where it does not exist yet.
    pub made: Option<Made>,
}

/// The machine, as far as it is known when the package is made.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its address; of one that is still to be made there is none.
    pub address: Option<HostAddress>,
    /// Port of SSH.
    pub port: u16,
    /// Account that signs in and may use sudo.
    pub user: String,
    /// Pinned host keys; of a machine that is still to be made there are none.
    pub host_keys: Vec<HostKey>,
    /// What leads to SSH where no network does.
    pub way: Option<&'static str>,
    /// A program of the provider's that the machine gets before anything of ours.
    pub agent: Option<Agent>,
}

/// A program of the provider's on the machine.
#[derive(Clone, Debug)]
pub struct Agent {
    /// What it may do, and what is known of where it came from.
    pub trusted: &'static str,
    /// The command that names the machine once the program answers.
    pub asks: String,
    /// The command that shows how the machine's first boot ended.
    pub log: String,
}

/// What holds the uploads.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its kind.
    pub kind: StorageProvider,
    /// Bucket at the target.
    pub bucket: BucketName,
    /// Region that requests are signed for.
    pub region: String,
    /// Where it runs.
    pub home: Home,
    /// Days for which overwritten and deleted objects can be brought back; none where it keeps no earlier versions.
    pub versions_kept_days: Option<u32>,
    /// Secrets that only this kind of storage has.
    pub secrets: Vec<StorageSecret>,
    /// Rule by which the ledger says that the kind of store changes, and the one for its region.
    pub rules: (&'static str, &'static str),
}

/// Where a storage runs.
#[derive(Clone, Debug)]
pub enum Home {
    /// It is a service of the project, on the machine.
    Project {
        /// Volumes that hold its data.
        volumes: &'static [&'static str],
        /// System account that it runs under.
        account: &'static str,
        /// Its name in the project.
        service: &'static str,
    },
    /// It is a service of the provider.
    Outside {
        /// What people call it.
        name: &'static str,
        /// Host name that it answers at.
        endpoint: String,
        /// File that takes the project's own storage out of it.
        overlay: &'static str,
        /// What one does when its key has leaked, as a sentence in the imperative.
        renew: String,
        /// What one does to have it deleted with all that it holds, as a sentence.
        remove: String,
        /// The lines of the commands that empty it, every earlier version too.
        empty: Vec<String>,
    },
}

/// A secret of the storage.
#[derive(Clone, Debug)]
pub struct StorageSecret {
    /// Its name.
    pub name: &'static str,
    /// Whether the Trust Architect brings it; else it is made at the target.
    pub provided: bool,
    /// What it is for, and how one gets it.
    pub purpose: String,
}

/// A database of the provider's, which holds users and their sign-in.
///
/// The project's own server becomes a client of it, so that its image still makes and reads backups.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its kind, as data files have it.
    pub kind: &'static str,
    /// What people call its kind.
    pub name: &'static str,
    /// Its name there.
    pub instance: String,
    /// Certificates of those who vouch for it, PEM.
    pub authorities: String,
    /// File that makes a client of the project's own server.
    pub overlay: &'static str,
    /// Days to any minute of which it goes back.
    pub kept_days: u32,
    /// Name of the secret with its administrator's password, which the Trust Architect brings.
    pub secret: &'static str,
    /// What that is for, and how one gets it.
    pub purpose: String,
    /// What one does when it has leaked, as a sentence in the imperative.
    pub renew: String,
    /// The command by which the provider itself makes a backup.
    pub snapshot: String,
    /// What one does to have it deleted with all that it holds, in whole sentences.
    pub remove: &'static str,
    /// The lines of the commands for that.
    pub delete: Vec<String>,
}

/// What is made before anything else.
#[derive(Clone, Debug)]
pub struct Made {
    /// The one data file of its Terraform.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// Tools that the controller needs for it, with the versions that do.
    pub tools: Vec<(&'static str, &'static str)>,
    /// Those that only people type with, where a document says so.
    pub by_hand: Vec<(&'static str, &'static str)>,
    /// In whose account it will be, as a phrase.
    pub owner: String,
    /// Whether the target says whose account that is; then credentials of any other are refused.
    pub owner_is_said: bool,
    /// How one gives Terraform the right to make it, as a sentence in the imperative.
    pub credentials: &'static str,
    /// What those credentials have to be allowed.
    pub rights: Vec<Right>,
    /// What else there is to know of them, in whole sentences.
    pub caution: &'static str,
    /// Where its tools come from, in whole sentences.
    pub sources: &'static str,
    /// What shows whose credentials they are.
    pub whose: &'static str,
    /// With what words the provider refuses what is asked of it.
    pub troubles: Vec<Trouble>,
    /// What is made, as a phrase.
    pub what: String,
    /// How many seconds that takes, and what most of them go to, as a phrase.
    pub takes: (u64, &'static str),
    /// The machine, as Terraform calls it.
    pub machine: &'static str,
    /// For how many seconds others remember the record of the public name, where that is among what is made.
    pub record: Option<u32>,
    /// A right that only copying needs, as a phrase, and the lines of the file that take it back.
    pub copying: (&'static str, &'static [&'static str]),
    /// What of it refuses to be destroyed, as a phrase.
    pub protected: &'static str,
    /// The files of its Terraform that say so.
    pub protected_in: Vec<&'static str>,
    /// Where its state is kept when a file of one person's is not enough.
    pub backend: Backend,
    /// What stays when the rest is destroyed, in whole sentences.
    pub stays: &'static str,
    /// The lines of the commands that show it and delete it.
    pub delete: Vec<String>,
    /// What it costs, where the target has prices.
    pub prices: Option<Prices>,
}

/// A place for Terraform's state that several people and pipelines reach.
#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    /// Where, as a phrase.
    pub place: &'static str,
    /// How one comes to have it, in whole sentences.
    pub first: &'static str,
    /// The file of the module that chooses it.
    pub file: &'static str,
    /// What that place is told; in capitals what only the Trust Architect knows.
    pub settings: Vec<(&'static str, String)>,
}

/// What credentials have to be allowed.
#[derive(Clone, Debug, Serialize)]
pub struct Right {
    /// For what, as a phrase.
    pub what: &'static str,
    /// By the provider's names.
    pub actions: Vec<&'static str>,
    /// At what, as a phrase.
    pub at: String,
}

/// A refusal of the provider's, as Terraform or the controller prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Trouble {
    /// The provider's words for it.
    pub seen: Vec<&'static str>,
    /// Why it is so, as a phrase.
    pub cause: &'static str,
    /// What one types, which may be nothing, and what that does or what one does then.
    pub steps: Vec<(String, String)>,
}

impl Site {
    /// Whether the service runs in the project.
    pub fn runs(&self, service: Service) -> bool {
        !self.unused.contains(&service)
    }
}

impl Storage {
    /// Host name that it answers at, where it is the provider's.
    pub fn endpoint(&self) -> Option<&str> {
        match &self.home {
            Home::Project { .. } => None,
            Home::Outside { endpoint, .. } => Some(endpoint),
        }
    }

    /// Its volumes on the machine.
    pub fn volumes(&self) -> &'static [&'static str] {
        match self.home {
            Home::Project { volumes, .. } => volumes,
            Home::Outside { .. } => &[],
        }
    }
}
