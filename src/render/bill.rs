//! `bill-of-materials.cdx.json`: what a package runs and needs, by version and digest, in the words of CycloneDX 1.6.
//!
//! Made from the plan and from the controller's list of wheels alone. What it does not hold it says (`compositions`): what
//! is inside an image, the rest of the wheel `ansible`, and what `prepare` takes from Debian in the version of the day.

use crate::embedded;
use crate::model::{Digest, File, ImageReference, Service};
use crate::plan::{COLLECTIONS, Plan};
use serde_json::{Value, json};

/// Where it stands in a package.
pub(super) const PATH: &str = "bill-of-materials.cdx.json";
/// What `./migrate bootstrap` installs.
const WHEELS: &str = "infrastructure/controller/requirements.txt";
/// What Terraform fetches, where something has to be made.
const LOCK: &str = "infrastructure/terraform/.terraform.lock.hcl";
/// The wheel that brings the collections.
const COLLECTIONS_IN: &str = "ansible";

/// The bill of the package that `plan` is for.
pub(super) fn file(plan: &Plan) -> File {
    let mut bill = bill(plan);
    bill["serialNumber"] = json!(serial(&bill));
    // Maps have text keys: serialising cannot fail.
    let mut text = serde_json::to_string_pretty(&bill).unwrap_or_default();
    text.push('\n');
    File::document(text)
}

/// Everything but the serial number, which follows from it.
fn bill(plan: &Plan) -> Value {
    let facts = &plan.facts;
    let images = facts.images.iter().map(|(service, reference)| image(*service, reference));
    let wheels = wheels(embedded::text(WHEELS).unwrap_or_default());
    let plugins = plugins(plan.facts.provider.as_str());
    let plugins = plugins.iter().map(plugin);
    let components: Vec<Value> =
        images.chain(wheels.iter().map(wheel)).chain(plugins).chain(plan.tools().iter().map(tool)).collect();
    let names = |kind: &str| -> Vec<&Value> {
        let of_kind = |name: &&Value| name.as_str().is_some_and(|name| name.starts_with(kind));
        components.iter().map(|component| &component["bom-ref"]).filter(of_kind).collect()
    };
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": null,
        "version": 1,
        "metadata": {
            "timestamp": facts.exported_at,
            "tools": {
                "components": [{
                    "type": "application",
                    "name": env!("CARGO_PKG_NAME"),
                    "version": env!("CARGO_PKG_VERSION"),
                }],
            },
            "component": {
                "type": "application",
                "bom-ref": "package",
                "name": facts.slug,
                "version": facts.number.to_string(),
                "description": "STUF migration package",
                "properties": [
                    property("environment", &json!(facts.environment)),
                    property("pathway", &json!(facts.pathway)),
                    property("provider", &json!(facts.provider)),
                ],
            },
        },
        "components": components,
        "dependencies": [{ "ref": "package", "dependsOn": names("") }],
        "compositions": [
            { "aggregate": "incomplete", "assemblies": ["package", format!("wheel:{COLLECTIONS_IN}")] },
            { "aggregate": "unknown", "assemblies": names("image:") },
        ],
    })
}

/// A name for exactly this document: a UUID of version 8 (RFC 9562) from the digest of all that it says.
fn serial(bill: &Value) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Digest::of(bill.to_string().as_bytes()).0[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    format!("urn:uuid:{}", groups.join("-"))
}

fn property(name: &str, value: &Value) -> Value {
    json!({ "name": format!("stufpack:{name}"), "value": value })
}

fn sha256(digits: &str) -> Value {
    json!({ "alg": "SHA-256", "content": digits })
}

/// An image by its digest; its name in a purl is the last part of the repository's.
fn image(service: Service, reference: &ImageReference) -> Value {
    // `name@sha256:…`, and in the name nothing that a purl would have to escape: both are the type's promise.
    let (repository, digits) = reference.as_str().split_once("@sha256:").unwrap_or_default();
    let name = repository.rsplit('/').next().unwrap_or_default();
    json!({
        "type": "container",
        "bom-ref": format!("image:{service}"),
        "name": repository,
        "version": format!("sha256:{digits}"),
        "hashes": [sha256(digits)],
        "purl": format!("pkg:oci/{name}@sha256:{digits}?repository_url={repository}"),
        "properties": [property("service", &json!(service))],
    })
}

/// A wheel of the controller, with the digests of the files of which one is installed.
struct Wheel<'a> {
    name: &'a str,
    version: &'a str,
    digests: Vec<&'a str>,
}

/// The wheels of a list that `tools/lock-wheels` wrote: `name==version`, then a line for each file.
fn wheels(list: &str) -> Vec<Wheel<'_>> {
    let mut wheels: Vec<Wheel<'_>> = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let line = line.trim().trim_end_matches('\\').trim_end();
        if let Some((name, version)) = line.split_once("==") {
            wheels.push(Wheel { name, version, digests: Vec::new() });
        } else if let (Some(wheel), Some(digest)) = (wheels.last_mut(), line.strip_prefix("--hash=sha256:")) {
            wheel.digests.push(digest);
        }
    }
    wheels
}

fn wheel(wheel: &Wheel<'_>) -> Value {
    let Wheel { name, version, digests } = wheel;
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("wheel:{name}"),
        "name": name,
        "version": version,
        "hashes": digests.iter().map(|digits| sha256(digits)).collect::<Vec<_>>(),
        "purl": format!("pkg:pypi/{name}@{version}"),
    });
    if *name == COLLECTIONS_IN {
        component["components"] = COLLECTIONS.iter().map(collection).collect();
    }
    component
}

/// A plugin of Terraform, with the digests of the archives of which one is fetched.
struct Plugin {
    source: String,
    version: String,
    digests: Vec<String>,
}

/// The plugins of the lock file that packages for `provider` hold, as Terraform writes it.
fn plugins(provider: &str) -> Vec<Plugin> {
    let lock = embedded::code(provider).find(|file| file.path == LOCK);
    locked(lock.and_then(|file| std::str::from_utf8(file.bytes).ok()).unwrap_or_default())
}

fn locked(lock: &str) -> Vec<Plugin> {
    let mut plugins: Vec<Plugin> = Vec::new();
    for line in lock.lines().map(str::trim) {
        let quoted = line.split('"').nth(1).unwrap_or_default().to_owned();
        if line.starts_with("provider \"") {
            plugins.push(Plugin { source: quoted, version: String::new(), digests: Vec::new() });
        } else if let Some(plugin) = plugins.last_mut() {
            if line.starts_with("version ") {
                plugin.version = quoted;
            } else if let Some(digits) = quoted.strip_prefix("zh:") {
                plugin.digests.push(digits.to_owned());
            }
        }
    }
    plugins
}

fn plugin(plugin: &Plugin) -> Value {
    let Plugin { source, version, digests } = plugin;
    let name = source.split_once('/').map_or(source.as_str(), |(_, name)| name);
    json!({
        "type": "library",
        "bom-ref": format!("terraform-provider:{name}"),
        "name": name,
        "version": version,
        "hashes": digests.iter().map(|digits| sha256(digits)).collect::<Vec<_>>(),
        "properties": [property("source", &json!(source))],
    })
}

/// An Ansible collection, which comes inside a wheel.
fn collection((name, version): &(&str, &str)) -> Value {
    json!({
        "type": "library",
        "bom-ref": format!("collection:{name}"),
        "name": name,
        "version": version,
    })
}

/// A tool that has to be on the controller's machine; which version there is, the package cannot know.
fn tool((name, version): &(&str, &str)) -> Value {
    json!({
        "type": "application",
        "bom-ref": format!("tool:{name}"),
        "name": name,
        "scope": "required",
        "properties": [property("needed-version", &json!(version))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word as _;

    #[test]
    fn an_image_is_named_by_the_last_part_of_its_repository_and_found_by_all_of_it() {
        let digits = "5a".repeat(32);
        for (repository, name) in [
            ("ghcr.io/example/stuf-api", "stuf-api"),
            ("registry.example:5000/a/b_c.d", "b_c.d"),
            ("caddy", "caddy"),
        ] {
            let reference =
                ImageReference::parse(&format!("{repository}@sha256:{digits}")).expect(repository);
            let component = image(Service::Api, &reference);
            let purl = format!("pkg:oci/{name}@sha256:{digits}?repository_url={repository}");
            assert_eq!(
                (&component["purl"], &component["hashes"][0]["content"]),
                (&json!(purl), &json!(digits))
            );
        }
    }

    /// Else the purl would name nothing.
    #[test]
    fn no_image_has_a_name_with_an_empty_part() {
        for repository in ["", "/", "ghcr.io/", "ghcr.io//api", "/api"] {
            let text = format!("{repository}@sha256:{}", "5a".repeat(32));
            assert!(ImageReference::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_plugin_is_named_with_the_digests_of_its_archives_alone() {
        let lock = "# by terraform\nprovider \"registry.terraform.io/a/b\" {\n  version     = \"5.1.0\"\n  constraints = \"~> 5.1\"\n  hashes = [\n    \"h1:x=\",\n    \"zh:aa\",\n    \"zh:bb\",\n  ]\n}\n";
        let read: Vec<_> =
            locked(lock).into_iter().map(|one| (one.source, one.version, one.digests)).collect();
        let digests = vec!["aa".to_owned(), "bb".to_owned()];
        assert_eq!(read, [("registry.terraform.io/a/b".to_owned(), "5.1.0".to_owned(), digests)]);
    }

    #[test]
    fn each_wheel_keeps_its_own_digests() {
        let list = "# a==b\none==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\ntwo==2.0.post1 \\\n    --hash=sha256:cc\n";
        let read: Vec<_> =
            wheels(list).into_iter().map(|wheel| (wheel.name, wheel.version, wheel.digests)).collect();
        assert_eq!(read, [("one", "1.0", vec!["aa", "bb"]), ("two", "2.0.post1", vec!["cc"])]);
    }

    /// The list is written by a tool that takes names and versions from an index: what a purl would escape stands in none.
    #[test]
    fn every_wheel_that_is_shipped_has_a_digest_and_a_plain_name() {
        let list = embedded::text(WHEELS).expect("the list");
        let wheels = wheels(list);
        let plain = |text: &str| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        };
        assert_eq!(wheels.len(), list.matches("==").count());
        assert_eq!(
            wheels.iter().map(|wheel| wheel.digests.len()).sum::<usize>(),
            list.matches("--hash=sha256:").count()
        );
        for Wheel { name, version, digests } in &wheels {
            assert!(plain(name) && plain(version) && !digests.is_empty(), "{name} {version}");
        }
        assert!(wheels.iter().any(|wheel| wheel.name == COLLECTIONS_IN));
    }
}
