//! Embeds `templates/` with SHA-256 and CRC-32 of each file, and code as git keeps it, so that a run neither reads, hashes
//! nor deflates it again, keeps what belongs to the source kit and to single providers apart, and lists the step ids that the playbooks
//! carry as tags, so that the plan can tell what is automated.

use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io};

/// Each provider's Terraform stands in a folder here that is called after the provider; in its packages it stands here itself.
const TERRAFORM: &str = "infrastructure/terraform/";
/// Where else a folder that is called after such a provider holds what is that one's alone.
const ALSO: [&str; 2] = ["infrastructure/compose/", "ci-cd/"];

fn main() -> io::Result<()> {
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).to_owned();
    println!("cargo:rerun-if-changed=templates");
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo runs this in the clone's own folder. What is made here names no path of the clone, so that it is the same for all.
    let root = Path::new("templates");
    let (mut code, mut kit, mut templates) = (String::new(), String::new(), String::new());
    let mut provided = BTreeMap::<String, String>::new();
    let mut steps = BTreeSet::new();

    let mut paths = Vec::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.map_err(io::Error::other)?;
        let name = entry.path().strip_prefix(root).map_err(io::Error::other)?;
        let name = name.to_str().ok_or_else(|| io::Error::other("template name is not UTF-8"))?;
        let built = ["__pycache__", ".ansible/", ".terraform/"].iter().any(|folder| name.contains(folder));
        let built = built || name.ends_with(".pyc");
        if entry.file_type().is_file() && !built {
            paths.push(name.to_owned());
        }
    }
    paths.sort();
    let providers: BTreeSet<String> = paths.iter().filter_map(|path| first(path, TERRAFORM)).collect();
    let everyones: BTreeSet<String> =
        paths.iter().filter(|path| own(path, &providers).is_none()).cloned().collect();

    for path in paths {
        let bytes = fs::read(root.join(&path))?;
        if path.starts_with("infrastructure/ansible/playbooks/") {
            steps.extend(step_tags(&String::from_utf8_lossy(&bytes)));
        }
        let mut lands = path.clone();
        let (list, in_a_glass) = match path.as_str() {
            path if path.ends_with(".jinja") => (&mut templates, false),
            path if path.starts_with("kit/") => (&mut kit, false),
            path if path.starts_with(TERRAFORM) && first(path, TERRAFORM).is_none() => {
                return Err(io::Error::other(format!("{path} stands in no provider's folder")));
            }
            path if own(path, &providers).is_some() => {
                let (provider, there) = own(path, &providers).unwrap_or_default();
                if everyones.contains(&there) {
                    return Err(io::Error::other(format!("{path} would take the place of {there}")));
                }
                lands = there;
                (provided.entry(provider).or_default(), true)
            }
            _ => (&mut code, true),
        };
        let kept = keep(&out, "whole", &id(&bytes), &bytes)?;
        let blob = if in_a_glass { blob(&bytes, &out)? } else { "None".to_owned() };
        writeln!(
            list,
            "    Embedded {{ path: {lands:?}, bytes: {kept}, sha256: {:?}, crc32: {}, executable: {}, \
             blob: {blob} }},",
            <[u8; 32]>::from(sha2::Sha256::digest(&bytes)),
            crc32fast::hash(&bytes),
            bytes.starts_with(b"#!"),
        )
        .map_err(io::Error::other)?;
    }

    let provided: String =
        provided.iter().map(|(provider, files)| format!("({provider:?}, &[\n{files}]),\n")).collect();
    let list = format!(
        "/// Files that are the same in every package, in byte order of their paths.\n\
         pub static CODE: &[Embedded] = &[\n{code}];\n\n\
         /// Files that only packages of one provider hold, by the provider's word and in byte order of their paths there.\n\
         pub static PROVIDED: &[(&str, &[Embedded])] = &[\n{provided}];\n\n\
         /// Files of the source kit, in byte order of their paths; no package holds them.\n\
         pub static KIT: &[Embedded] = &[\n{kit}];\n\n\
         /// Templates of documents, in byte order of their paths.\n\
         pub static TEMPLATES: &[Embedded] = &[\n{templates}];\n\n\
         /// Step ids that stand as tags in the playbooks, sorted.\n\
         pub static AUTOMATED_STEPS: &[&str] = &{steps:?};\n",
        steps = steps.iter().collect::<Vec<_>>(),
    );
    fs::write(out.join("embedded.rs"), list)
}

/// The folder below `place` that `path` lies in.
fn first(path: &str, place: &str) -> Option<String> {
    Some(path.strip_prefix(place)?.split_once('/')?.0.to_owned())
}

/// Of what is one provider's alone, whose it is, and where it stands in that provider's packages.
fn own(path: &str, providers: &BTreeSet<String>) -> Option<(String, String)> {
    [TERRAFORM].iter().chain(&ALSO).find_map(|place| {
        let provider = first(path, place).filter(|folder| providers.contains(folder))?;
        let there = path.replacen(&format!("{place}{provider}/"), place, 1);
        Some((provider, there))
    })
}

/// The id of the git object that holds `bytes`.
fn id(bytes: &[u8]) -> [u8; 20] {
    sha1::Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize().into()
}

/// Writes `bytes` below `out`, and gives the expression that embeds them from there.
fn keep(out: &Path, what: &str, id: &[u8; 20], bytes: &[u8]) -> io::Result<String> {
    let name = id.iter().fold(format!("{what}-"), |name, byte| format!("{name}{byte:02x}"));
    fs::write(out.join(&name), bytes)?;
    Ok(format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))"))
}

/// The git object that holds `bytes`, as an expression: its id, and its deflated content.
fn blob(bytes: &[u8], out: &Path) -> io::Result<String> {
    let id = id(bytes);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    let deflated = keep(out, "deflated", &id, &encoder.finish()?)?;
    Ok(format!("Some(Blob {{ id: {id:?}, deflated: {deflated} }})"))
}

/// Words of the form `phase/verb-object` on lines that hold tags.
fn step_tags(playbook: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_list = false;
    for line in playbook.lines() {
        let trimmed = line.trim();
        let is_tags = trimmed.starts_with("tags:");
        in_list = is_tags || (in_list && trimmed.starts_with("- "));
        if in_list {
            found.extend(
                trimmed
                    .trim_start_matches("tags:")
                    .split([' ', ',', '[', ']', '"', '\''])
                    .filter(|word| word.contains('/') && !word.contains("{{"))
                    .map(str::to_owned),
            );
        }
    }
    found
}
