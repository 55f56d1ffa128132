//! Provider `host`: a machine that exists already.

use super::{Concern, Home, Kind, Machine, Site, Storage, StorageSecret};
use crate::model::record::record;
use crate::model::{Export, HostAddress, HostKey, Service, StorageProvider, Target, UserName, codes};

/// What stands at its key.
pub(super) const MEANING: &str = "The machine, for provider `host`.";

/// Region that the API's client signs for where the storage names none.
const REGION: &str = "us-east-1";

record! {
    /// An existing machine over SSH.
    pub struct Host {
        /// Address or name for SSH.
        address: HostAddress,
        /// SSH port.
        port: u16 = 22,
        /// SSH user; needs sudo.
        user: UserName,
        /// Pinned host keys, `ssh-ed25519 AAAA…`, without a comment; `ssh-keyscan` shows them, the machine's console proves them.
        host_keys: Vec<HostKey>,
    }
}

impl Kind for Host {
    fn store(&self) -> StorageProvider {
        StorageProvider::Garage
    }

    fn unused(&self) -> &'static [Service] {
        &[]
    }

    fn is_reached_without_ssh(&self) -> bool {
        false
    }

    fn takes_ssh_from_everywhere(&self) -> bool {
        true
    }

    fn encrypts_disks(&self) -> bool {
        false
    }

    fn named(&self) -> Vec<String> {
        Vec::new()
    }

    fn concerns(&self, target: &Target, _: Option<&Export>) -> Vec<Concern> {
        let mut concerns = Vec::new();
        let mut tell = |code, key, message: &str, expected: &str| {
            concerns.push(Concern::new(code, &["host", key], message, expected));
        };
        if self.address.as_str() == target.domain.as_str() {
            let message = "before cutover this name does not lead to the new machine";
            tell(
                &codes::TARGET_DOMAIN_ADDRESS,
                "address",
                message,
                "the machine's address, or a name of its own",
            );
        }
        if self.user.as_str() == "root" {
            tell(&codes::HOST_ROOT, "user", "this is root", "an account that may use sudo");
        }
        if self.host_keys.is_empty() {
            let message = "without a pinned host key any machine could answer";
            tell(&codes::VALUE_EMPTY, "hostKeys", message, "the host's public key");
        }
        concerns
    }

    fn site(&self, _: &Target, export: &Export) -> Site {
        let made = |name, purpose: &str| StorageSecret { name, provided: false, purpose: purpose.to_owned() };
        Site {
            label: "existing host",
            phrase: "the existing host",
            short: "your machine",
            name: self.address.to_string(),
            machine: Machine {
                address: Some(self.address.clone()),
                port: self.port,
                user: self.user.to_string(),
                host_keys: self.host_keys.clone(),
                way: None,
                agent: None,
            },
            storage: Storage {
                kind: self.store(),
                bucket: export.storage.bucket.clone(),
                region: REGION.to_owned(),
                home: Home::Project {
                    volumes: &["stuf_garage_meta", "stuf_garage_data"],
                    account: "stuf-garage",
                    service: "garage",
                },
                versions_kept_days: None,
                secrets: vec![
                    made(
                        "storage_access_key",
                        "name of the key with which the API reads and writes the bucket",
                    ),
                    made("storage_secret_key", "the API signs its requests to the object storage with it"),
                    made("garage_rpc_secret", "nodes of the object storage recognise each other by it"),
                    made("garage_admin_token", "the object storage is set up with it"),
                ],
                rules: ("store-to-garage", "region-of-garage"),
            },
            database: None,
            disks_encrypted: None,
            data_volume: false,
            filters_web: false,
            unused: self.unused(),
            made: None,
        }
    }
}
