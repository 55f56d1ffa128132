//! What must not leave an export: secrets in any writing, and people outside personal files.

use crate::workspace::Workspace;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";

/// Puts `text` into the project's description, as YAML reads it from double quotes.
fn describe(text: &str) -> Workspace {
    let here = Workspace::new();
    here.example("harbour", "input");
    let export = here.read("input/export/export.yaml");
    let begin = export.find("\n  project:").expect("a project") + 1;
    let description = begin + export[begin..].find("\n    description:").expect("a description") + 1;
    let end = description
        + export[description..]
            .match_indices("\n    ")
            .map(|(index, _)| index)
            .find(|index| !export[description + index + 5..].starts_with(' '))
            .or_else(|| export[description..].find("\n  "))
            .expect("what follows");
    let next = export[description..].find("\n  h").map_or(end, |index| (description + index).min(end));
    here.write(
        "input/export/export.yaml",
        &format!("{}    description: \"{text}\"{}", &export[..description], &export[next..]),
    );
    here
}

/// The client secret of `survey-robot` in the realm of `harbour`, as it stands there and as it is often copied.
#[test]
fn s02_a_known_secret_is_refused_in_every_writing() {
    let here = Workspace::new();
    here.example("harbour", "input");
    let realm: serde_json::Value =
        serde_json::from_str(&here.read("input/export/realm.json")).expect("a realm");
    let clients = realm["clients"].as_array().expect("clients");
    let secret =
        clients.iter().find_map(|client| client["secret"].as_str()).expect("a client secret").to_owned();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (writing, text) in [("plain", secret.clone()), ("hex", hex)] {
        let here = describe(&format!("See {text} for details."));
        let told = here.stufpack(COMPILE).exits_with(5);
        assert!(!told.stderr.contains(&text), "{writing}: the value is printed");
        assert!(told.stderr.contains("export.yaml:"), "{writing}: {}", told.stderr);
        assert!(!here.path("out").exists(), "{writing}: something was written");
    }
}

#[test]
fn s06_nobody_is_named_outside_personal_files() {
    let here = Workspace::new();
    here.example("harbour", "input");
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack(&format!(
        "unpack out/harbour-production-hosted-to-self-host-1.zip tree --signers signers --at {}",
        crate::workspace::AT
    ))
    .exits_with(0);
    let users: serde_json::Value =
        serde_json::from_str(&here.read("tree/configuration/api-config/users/users.json")).expect("users");
    let personal = here.read("tree/SHA256SUMS.personal");
    let mut looked = 0;
    for entry in walkdir::WalkDir::new(here.path("tree")).into_iter().filter_map(Result::ok) {
        let name = entry.path().strip_prefix(here.path("tree")).expect("below").display().to_string();
        if !entry.file_type().is_file()
            || name.ends_with(".personal")
            || personal.contains(&format!("  {name}\n"))
        {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a file")).to_lowercase();
        looked += 1;
        for user in users["users"].as_array().expect("a list") {
            let email = user["email"].as_str().expect("an address").to_lowercase();
            assert!(!text.contains(&email), "{name} names a user");
        }
    }
    assert!(looked > 100, "only {looked} files were looked at");
}

#[test]
fn s06_a_description_that_names_a_user_is_refused() {
    let here = Workspace::new();
    here.example("harbour", "input");
    let export = here.read("input/export/export.yaml");
    let email = export
        .lines()
        .find_map(|line| line.trim().strip_prefix("email: "))
        .expect("an address")
        .trim_matches('"')
        .to_owned();

    let told = describe(&format!("Ask {email}")).stufpack(COMPILE).exits_with(5);

    assert!(!told.stderr.contains(&email), "{}", told.stderr);
}
