//! What must not leave an export: secrets in any writing, and people outside personal files.

use crate::workspace::{AT, Run, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";

fn harbour() -> Workspace {
    let here = Workspace::new();
    here.example("harbour", "input");
    here
}

/// Leaves the package's files in `tree`.
fn compile_and_unpack(here: &Workspace) {
    here.stufpack(COMPILE).exits_with(0);
    let package = "out/harbour-production-hosted-to-self-host-1.zip";
    here.stufpack(&format!("unpack {package} tree --signers signers --at {AT}")).exits_with(0);
}

/// The first e-mail address of the export.
fn address_of_a_user(here: &Workspace) -> String {
    let export = here.read("input/export/export.yaml");
    let address = export.lines().find_map(|line| line.trim().strip_prefix("email: "));
    address.expect("an address").trim_matches('"').to_owned()
}

/// Puts `text` into the project's description, as YAML reads it from double quotes.
fn describe(text: &str) -> Workspace {
    let here = harbour();
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

/// As a client's secret it is known; each way to write it needs another escape.
const SECRET: &str = "S3cr+t/Value=9?";

/// Compiles an export whose realm has `SECRET`, and whose description has `text`; what it says of that.
fn refused(writing: &str, text: &str) -> Run {
    let realm = realm_with(|realm| client(realm, "survey-robot")["secret"] = SECRET.into());
    let here = describe(&format!("See {text} for details."));
    here.write("input/export/realm.json", &realm.read("input/export/realm.json"));
    let told = here.stufpack(COMPILE).exits_with(5);
    for stream in [&told.stdout, &told.stderr] {
        assert!(!stream.contains(text) && !stream.contains(SECRET), "{writing}: the value is printed");
    }
    assert!(!here.path("out").exists(), "{writing}: something was written");
    told
}

#[test]
fn s01_a_secret_in_a_field_is_refused_the_field_is_named_and_no_file_is_left() {
    let told = refused("plain", SECRET);
    assert!(told.stderr.contains("export.yaml:"), "{}", told.stderr);
    assert!(told.stderr.contains("spec.project.description"), "{}", told.stderr);
}

#[test]
fn s02_a_known_secret_is_refused_in_every_writing() {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = [
        ("base64", "UzNjcit0L1ZhbHVlPTk/"),
        ("base64, one byte behind another", "eFMzY3IrdC9WYWx1ZT05Pw=="),
        ("base64, two bytes behind", "eHhTM2NyK3QvVmFsdWU9OT8="),
    ];
    let others = [("plain", SECRET), ("hex", hex.as_str()), ("URL", "S3cr%2Bt%2FValue%3D9%3F")];
    for (writing, text) in base64.into_iter().chain(others) {
        refused(writing, text);
        // Nothing but what the realm says makes it a secret.
        describe(&format!("See {text} for details.")).stufpack(COMPILE).exits_with(0);
    }
}

/// Every file of a package by its path; lists of files unpacked.
type Tree = BTreeMap<String, Vec<u8>>;

/// Compiles the export in the folder `name` for `target`, and unpacks the package.
fn package_of(here: &Workspace, name: &str, target: &str) -> Tree {
    let out = format!("out-{name}");
    here.stufpack(&format!("compile {name}/export --target {target} --out {out} --sign-key key"))
        .exits_with(0);
    let package = here.names(&out).into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    let tree = format!("tree-{name}");
    here.stufpack(&format!("unpack {out}/{package} {tree} --signers signers --at {AT}")).exits_with(0);
    files(here, &tree)
}

/// What is not code in a package is text to read and values in files that nothing runs.
fn is_data(path: &str) -> bool {
    let endings = [
        ".md",
        ".txt",
        ".json",
        ".jsonl.gz",
        ".csv",
        ".html",
        ".css",
        ".svg",
        ".sha256",
        ".sig",
        ".personal",
    ];
    let others = [
        "SHA256SUMS",
        "configuration/salt",
        "configuration/spa-config/config.js",
        "infrastructure/compose/.env",
        "infrastructure/ansible/group_vars/all.yml",
        "infrastructure/ansible/inventory/target/hosts.yml",
        "infrastructure/ansible/inventory/target/known_hosts",
    ];
    others.contains(&path) || endings.iter().any(|ending| path.ends_with(ending))
}

/// Compares the packages of two tenants at one provider, each with the names that only it may have.
fn differ_in_data_alone(provider: &str, tenants: &[(Tree, [&str; 2]); 2]) {
    let [(one, names_of_one), (other, names_of_other)] = tenants;
    let code: BTreeSet<&str> = stufpack::embedded::code(provider).map(|code| code.path).collect();
    for path in &code {
        assert!(one.contains_key(*path), "{path} is in no package for {provider}");
        assert_eq!(one.get(*path), other.get(*path), "{path}");
    }
    for path in one.keys().chain(other.keys()).filter(|path| !code.contains(path.as_str())) {
        assert!(is_data(path), "{path} is neither code nor a file of data");
    }
    for (tree, own, others) in [(one, names_of_one, names_of_other), (other, names_of_other, names_of_one)] {
        for name in own {
            let told =
                tree.values().any(|bytes| String::from_utf8_lossy(bytes).to_lowercase().contains(name));
            assert!(told, "{name} is a name of nobody");
        }
        for (path, bytes) in tree {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            for name in others {
                assert!(!text.contains(name), "{path} names {name}");
            }
        }
    }
}

/// So a reviewer reads the code once, and a fleet's packages can be compared with one that was read.
#[test]
fn s08_two_tenants_packages_differ_in_data_alone_and_neither_names_the_other() {
    let here = Workspace::new();
    let tenants = [("harbour", "nordhafen"), ("minimal", "minimal.example")].map(|(example, name)| {
        here.example(example, example);
        let domain = if example == "harbour" { "harbour.example" } else { name };
        (package_of(&here, example, &format!("{example}/target.yaml")), [domain, name])
    });
    differ_in_data_alone("host", &tenants);
}

/// The same where Terraform makes the machine: one tenant with ten lines, the other with every option that there is.
#[test]
fn s08_two_tenants_whose_machines_are_made_differ_in_data_alone_too() {
    let here = Workspace::new();
    for example in ["acme", "minimal"] {
        here.example(example, example);
    }
    let target = here.read("acme/every-option.yaml").replace("acme", "minimal").replace("Acme", "Minimal");
    here.write("minimal/target.yaml", &target);
    let tenants =
        [("acme", ["acme.example", "stuf-acme-"]), ("minimal", ["minimal.example", "minimal-files-"])]
            .map(|(name, names)| (package_of(&here, name, &format!("{name}/target.yaml")), names));
    let is_code = |path: &str| stufpack::embedded::code("aws").any(|code| code.path == path);
    for path in [
        "infrastructure/terraform/main.tf",
        "infrastructure/terraform/.terraform.lock.hcl",
        "infrastructure/compose/storage-s3.yaml",
        "ci-cd/plan-terraform",
        "ci-cd/workflows/plan-terraform.yml",
    ] {
        assert!(is_code(path), "{path} is not compared");
    }
    assert!(!is_code("infrastructure/terraform/terraform.tfvars.json"));
    differ_in_data_alone("aws", &tenants);
}

/// Every file of a folder, by its path there; lists of files unpacked.
fn files(here: &Workspace, folder: &str) -> Tree {
    let root = here.path(folder);
    let entries = walkdir::WalkDir::new(&root).into_iter().map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(&root).expect("below").display().to_string();
            let mut bytes = std::fs::read(entry.path()).expect("a file");
            if path.ends_with(".gz") {
                let mut lists = Vec::new();
                flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut lists).expect("gzip");
                bytes = lists;
            }
            (path, bytes)
        })
        .collect()
}

#[test]
fn s06_nobody_is_named_outside_personal_files() {
    let here = harbour();
    compile_and_unpack(&here);
    let addresses = here.addresses("input/export");
    let users = here.read("tree/configuration/api-config/users/users.json").to_lowercase();
    assert!(addresses.iter().all(|address| users.contains(address)), "a personal file tells of everybody");
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
        for address in &addresses {
            assert!(!text.contains(address), "{name} names a user");
        }
    }
    assert!(looked > 100, "only {looked} files were looked at");
}

#[test]
fn s06_a_description_that_names_a_user_is_refused() {
    let here = harbour();
    let email = address_of_a_user(&here);

    let told = describe(&format!("Ask {email}")).stufpack(COMPILE).exits_with(5);

    assert!(!told.stderr.contains(&email), "{}", told.stderr);
}

/// Changes the realm of `harbour`.
fn realm_with(change: impl FnOnce(&mut serde_json::Value)) -> Workspace {
    let here = harbour();
    let mut realm = serde_json::from_str(&here.read("input/export/realm.json")).expect("a realm");
    change(&mut realm);
    here.write("input/export/realm.json", &realm.to_string());
    here
}

fn client<'r>(realm: &'r mut serde_json::Value, id: &str) -> &'r mut serde_json::Value {
    let clients = realm["clients"].as_array_mut().expect("clients");
    clients.iter_mut().find(|client| client["clientId"] == id).expect("the client")
}

/// Every place of a realm that is carried over as it is, each with a credential of its own.
#[test]
fn s02_credentials_in_what_a_realm_carries_stay_out_of_the_package() {
    let mapper = |config: serde_json::Value| {
        serde_json::json!({
            "name": "custom", "protocol": "openid-connect", "protocolMapper": "custom-mapper", "config": config,
        })
    };
    let here = realm_with(|realm| {
        let spa = client(realm, "stuf-spa");
        spa["protocolMappers"] = serde_json::json!([
            mapper(serde_json::json!({ "claim.name": "kept-claim", "api.token": "fake-leak-alpha-0001" })),
            mapper(serde_json::json!({ "claim.name": "api_token", "claim.value": "fake-leak-bravo-0002" })),
            mapper(serde_json::json!({ "endpoint": "https://u:fake-leak-charlie-0003@x.example/" })),
            mapper(serde_json::json!({ "claim.name": "department", "claim.value": "fake-leak-lima-0012" })),
            mapper(serde_json::json!({ "attribute.name": "site", "attribute.value": "fake-leak-mike-0013" })),
            mapper(serde_json::json!({ "claim.name": "kept-switch", "claim.value": "true" })),
        ]);
        spa["attributes"]["clientSecret"] = "fake-leak-delta-0004".into();
        spa["attributes"]["client.secret.rotated"] = "fake-leak-echo-0005".into();
        spa["attributes"]["callback"] = "https://u:fake-leak-foxtrot-0006@x.example/".into();
        spa["redirectUris"][0] = "https://u:fake-leak-golf-0007@x.example/*".into();
        spa["webOrigins"] = serde_json::json!(["https://u:fake-leak-hotel-0008@x.example"]);
        let scope = &mut realm["clientScopes"][1];
        scope["attributes"]["password"] = "fake-leak-india-0009".into();
        scope["protocolMappers"] =
            serde_json::json!([mapper(serde_json::json!({ "secret": "fake-leak-juliett-0010" }))]);
        realm["users"][0]["attributes"]["api.key"] = serde_json::json!(["fake-leak-kilo-0011"]);
    });
    compile_and_unpack(&here);
    for entry in walkdir::WalkDir::new(here.path("tree")).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a file")).into_owned();
            assert!(!text.contains("fake-leak"), "{}", entry.path().display());
        }
    }
    let realm = here.read("tree/configuration/integration-config/realm.json");
    assert!(realm.contains("kept-claim"), "what is no credential is carried over");
    let mut parsed: serde_json::Value = serde_json::from_str(&realm).expect("a realm");
    let mappers = client(&mut parsed, "stuf-spa")["protocolMappers"].as_array().expect("mappers").clone();
    let config = |claim: &str| {
        let found =
            mappers.iter().map(|mapper| &mapper["config"]).find(|config| config["claim.name"] == claim);
        found.unwrap_or_else(|| panic!("{claim}")).clone()
    };
    assert_eq!(config("department"), serde_json::json!({ "claim.name": "department" }));
    assert_eq!(config("kept-switch")["claim.value"], "true");
    let ledger: serde_json::Value =
        serde_json::from_str(&here.read("tree/docs/ledger.json")).expect("a ledger");
    let dropped = ledger.to_string();
    let fixed = "a fixed value for tokens, which may be a secret";
    for path in ["api.token", "redirectUris[0]", "attributes.password", "claim.value", fixed] {
        assert!(dropped.contains(path), "{path} is not in the ledger");
    }
}

/// What makes up a credential is one too, and stands nowhere else.
#[test]
fn s02_parts_of_credentials_are_known() {
    type Edit = fn(&mut serde_json::Value);
    let places: [(&str, Edit); 3] = [
        ("fake-rotated-secret-1", |realm| {
            client(realm, "stuf-api")["attributes"]["client.secret.rotated"] = "fake-rotated-secret-1".into();
        }),
        ("fake-bind-credential", |realm| {
            realm["components"]["org.keycloak.storage.UserStorageProvider"] = serde_json::json!([{ "name": "ldap", "config": { "bindCredential": ["fake-bind-credential"] } }]);
        }),
        ("fake-directory-word", |realm| {
            realm["components"]["org.keycloak.storage.UserStorageProvider"] = serde_json::json!(
                [{ "name": "ldap", "config": { "connectionUrl": ["ldap://reader:fake-directory-word@x.example"] } }]
            );
        }),
    ];
    for (secret, change) in places {
        let realm = realm_with(change).read("input/export/realm.json");
        let here = describe(&format!("See {secret} for details."));
        here.write("input/export/realm.json", &realm);
        let told = here.stufpack(COMPILE).exits_with(5);
        assert!(told.stderr.contains("gate.secret"), "{}", told.stderr);
        assert!(!told.stderr.contains(secret), "{secret} is printed");
    }
}

/// Who acts is named in clear, and may be a user too.
#[test]
fn s06_the_address_that_the_target_names_may_be_a_users() {
    let here = harbour();
    let email = address_of_a_user(&here);
    let target = here.read("input/target.yaml");
    let changed = target.replace("email: ta@harbour.example", &format!("email: \"{email}\""));
    assert_ne!(target, changed, "the example names its trust architect otherwise");
    here.write("input/target.yaml", &changed);

    here.stufpack(COMPILE).exits_with(0);
}

#[test]
fn a_token_behind_a_line_break_in_the_realm_is_refused() {
    for before in ["x\n", "x\t", "%20", "%3D"] {
        let here = harbour();
        let mut realm: serde_json::Value =
            serde_json::from_str(&here.read("input/export/realm.json")).expect("a realm");
        let token = ["AKIA", "FAKEFAKEFAKEFAKE"].concat();
        realm["displayName"] = format!("{before}{token}").into();
        here.write("input/export/realm.json", &realm.to_string());
        let told = here.stufpack(COMPILE).exits_with(5);
        assert!(told.stderr.contains("AWS access key id"), "{before:?}: {}", told.stderr);
        assert!(!told.stderr.contains(&token), "{before:?}: the value is printed");
        assert!(!here.path("out").exists(), "{before:?}: something was written");
    }
}

#[test]
fn a_known_secret_in_the_name_of_a_file_does_not_reach_the_batch_lists() {
    let here = harbour();
    let realm: serde_json::Value =
        serde_json::from_str(&here.read("input/export/realm.json")).expect("a realm");
    let clients = realm["clients"].as_array().expect("clients");
    let secret = clients.iter().find_map(|client| client["secret"].as_str()).expect("a client secret");
    let inventory = here.read("input/export/inventory.csv");
    here.write(
        "input/export/inventory.csv",
        &inventory.replacen("report.pdf\"\"}", &format!("{secret}\"\"}}"), 1),
    );
    let told = here.stufpack(COMPILE).exits_with(5);
    assert!(told.stderr.contains("content/batches/00001.jsonl.gz"), "{}", told.stderr);
    assert!(!told.stderr.contains(secret), "the value is printed");
    assert!(!here.path("out").exists(), "something was written");
}
