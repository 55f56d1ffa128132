//! Whom the machine reaches, and who reaches the machine, beside what a target names.

use super::Aws;
use crate::model::{Export, Service, Target, Tls};
use std::collections::BTreeMap;

/// Every address that there is, of the kind that the machine has.
const EVERYONE: &str = "0.0.0.0/0";

impl Aws {
    /// Ports that the target names and the machine may not reach, each with who listens there.
    pub(super) fn unreached(&self, target: &Target, export: Option<&Export>) -> Vec<(u16, String)> {
        let mail = target.mail.as_ref().map(|mail| (mail.port, "the mail server".to_owned()));
        let mirror = target.registry.mirror.as_ref();
        let mirror = mirror.map(|mirror| (of_address(mirror.as_str()), "the registry's mirror".to_owned()));
        let authority = match &target.tls {
            Tls::Acme { directory: Some(directory), .. } => {
                Some((of_address(directory.as_str()), "the certificate's authority".to_owned()))
            }
            _ => None,
        };
        let mut ports: Vec<(u16, String)> = [mail, mirror, authority].into_iter().flatten().collect();
        for (port, services) in self.registries(target, export) {
            let services = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            ports.push((port, format!("the registry that has the image of {services}")));
        }
        ports.retain(|(port, _)| !self.egress_ports.contains(port));
        ports
    }

    /// The services whose images come from a port of a registry that the image itself names.
    fn registries(&self, target: &Target, export: Option<&Export>) -> BTreeMap<u16, Vec<Service>> {
        let release = export.map(|export| &export.application.release);
        let mut ports: BTreeMap<u16, Vec<Service>> = BTreeMap::new();
        for service in Service::ALL.iter().filter(|service| !Self::UNUSED.contains(service)) {
            let image = target.images.get(service).or_else(|| release.and_then(|images| images.get(service)));
            if let Some(port) = image.and_then(|image| of_image(image.as_str())) {
                ports.entry(port).or_default().push(*service);
            }
        }
        ports
    }
}

/// Whether an authority that everyone knows could not ask the machine for its proof: the rules before it let in others alone.
pub(super) fn keeps_the_authority_out(target: &Target) -> bool {
    let web = &target.allow.web;
    let lists_some = !web.is_empty() && web.iter().all(|network| network.as_str() != EVERYONE);
    lists_some && matches!(target.tls, Tls::Acme { directory: None, .. })
}

/// The port of `https://name:5000/path`.
fn of_address(address: &str) -> u16 {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let authority = rest.split('/').next().unwrap_or(rest);
    let named = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    named.unwrap_or(if scheme == "http" { 80 } else { 443 })
}

/// The port of `name:5000/image@sha256:…`; none where the registry is at its usual one.
fn of_image(image: &str) -> Option<u16> {
    let (registry, _) = image.split_once('/')?;
    registry.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_that_addresses_and_images_name() {
        let addresses = [
            ("https://registry.example:5000", 5000),
            ("https://registry.example/v2/a:1", 443),
            ("http://registry.example", 80),
            ("http://192.0.2.1:8080/acme", 8080),
        ];
        for (address, port) in addresses {
            assert_eq!(of_address(address), port, "{address}");
        }
        let digest = "sha256:0123";
        let images = [
            (format!("registry.example:5000/a/caddy@{digest}"), Some(5000)),
            (format!("ghcr.io/a/caddy@{digest}"), None),
            (format!("caddy@{digest}"), None),
        ];
        for (image, port) in images {
            assert_eq!(of_image(&image), port, "{image}");
        }
    }
}
