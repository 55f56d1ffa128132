//! Whom the machine reaches, and who reaches the machine, beside what a target names.

use super::Aws;
use crate::model::{Export, Notifications, Service, Target, Tls};
use std::collections::BTreeMap;

/// Every address that there is, of the kind that the machine has.
const EVERYONE: &str = "0.0.0.0/0";

/// Authorities, with all names below theirs, that ask from addresses which they tell nobody: nobody's networks have them within.
///
/// Others may vouch by contract, without asking anything.
const PUBLIC: [&str; 6] =
    ["actalis.com", "buypass.com", "letsencrypt.org", "pki.goog", "ssl.com", "zerossl.com"];

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
        ports.extend(export.into_iter().flat_map(|export| notified(&export.notifications)));
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

/// The ports at which messages of the migration are taken, each with who listens there.
///
/// A new DSN is given by hand, of the same Sentry; the old one tells its port here, and no other part of itself.
fn notified(notifications: &Notifications) -> impl Iterator<Item = (u16, String)> {
    let zulip = notifications.zulip.as_ref().map(|zulip| (of_address(zulip.site.as_str()), "Zulip"));
    let dsn = notifications.sentry.as_ref().and_then(|sentry| sentry.dsn.as_ref());
    let sentry = dsn.and_then(|dsn| of_dsn(dsn.expose())).map(|port| (port, "Sentry"));
    zulip.into_iter().chain(sentry).map(|(port, whose)| (port, whose.to_owned()))
}

/// Whether an authority that everyone knows could not ask the machine for its proof: the rules before it let in others alone.
pub(super) fn keeps_the_authority_out(target: &Target) -> bool {
    let web = &target.allow.web;
    let lists_some = !web.is_empty() && web.iter().all(|network| network.as_str() != EVERYONE);
    let Tls::Acme { directory, .. } = &target.tls else { return false };
    lists_some && directory.as_ref().is_none_or(|directory| is_public(directory.as_str()))
}

/// Whether a directory is that of an authority that everyone knows.
fn is_public(directory: &str) -> bool {
    let (_, rest) = directory.split_once("://").unwrap_or(("", directory));
    let host = rest.split(['/', ':']).next().unwrap_or(rest).trim_end_matches('.').to_ascii_lowercase();
    PUBLIC
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The port of `https://name:5000/path`.
fn of_address(address: &str) -> u16 {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let authority = rest.split('/').next().unwrap_or(rest);
    let named = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    named.unwrap_or(if scheme == "http" { 80 } else { 443 })
}

/// The port of `https://KEY@name:9000/2`; none of any other form, where it could be a part of the key.
fn of_dsn(dsn: &str) -> Option<u16> {
    let (scheme, rest) = dsn.split_once("://")?;
    let (_, host) = rest.split('/').next()?.rsplit_once('@')?;
    Some(of_address(&format!("{scheme}://{host}")))
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
    #[test]
    fn a_dsn_tells_its_port_and_never_a_part_of_its_key() {
        let cases = [
            ("https://fakekey@sentry.example:9000/2", Some(9000)),
            ("http://fakekey:4242@sentry.example/2", Some(80)),
            ("https://fakekey@sentry.example/a/2", Some(443)),
            ("https://fakekey:4242", None),
            ("https://fakekey:4242/2@sentry.example:9000", None),
            ("fakekey:4242", None),
        ];
        for (dsn, port) in cases {
            assert_eq!(of_dsn(dsn), port, "{dsn}");
        }
    }

    #[test]
    fn public_authorities_are_known_by_their_names() {
        for directory in [
            "https://acme-v02.api.letsencrypt.org/directory",
            "https://acme-staging-v02.api.letsencrypt.org:443/directory",
            "https://LetsEncrypt.org./directory",
            "https://dv.acme-v02.api.pki.goog/directory",
        ] {
            assert!(is_public(directory), "{directory}");
        }
        for directory in [
            "https://notletsencrypt.org/acme",
            "https://letsencrypt.org.minimal.example/acme",
            "http://192.0.2.1:8080/ssl.com",
        ] {
            assert!(!is_public(directory), "{directory}");
        }
    }
}
