//! The commands that the pages print, typed as they stand there.

use crate::workspace::{AT, Run, Workspace, run};
use std::fs;
use std::path::Path;

const COMPILE: &str = "compile input/export --target input/target.yaml --out out --sign-key key";

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("readable")
}

/// Runs a script in the workspace, with the program on PATH and a HOME of its own.
fn shell(here: &Workspace, script: &str) -> Run {
    fs::create_dir_all(here.path("bin")).expect("a folder");
    let link = here.path("bin/stufpack");
    if !link.exists() {
        std::os::unix::fs::symlink(here.command("").get_program(), link).expect("a link");
    }
    let path = std::env::var("PATH").expect("PATH");
    let mut shell = assert_cmd::Command::new("sh");
    shell.current_dir(here.path("")).env_remove("STUFPACK_SIGN_KEY").env_remove("SOURCE_DATE_EPOCH");
    shell.env("PATH", format!("{}:{path}", here.path("bin").display())).env("HOME", here.path("home"));
    run({
        shell.args(["-euc", script]);
        shell
    })
}

/// Somebody who has README alone gets from a key to a glass that is proven, and leaves no key in the repository.
#[test]
fn the_first_package_of_the_readme_is_made_as_it_stands_there() {
    let here = Workspace::new();
    for folder in ["examples", "home"] {
        fs::create_dir(here.path(folder)).expect("a folder");
    }
    here.plain_example("minimal", "examples/minimal");
    let before = here.names("");
    let readme = page("README.md");
    let block = |kind: &str| {
        let begin = format!("```sh {kind}\n");
        let block = readme.split(&begin).nth(1).and_then(|rest| rest.split("```").next());
        block.unwrap_or_else(|| panic!("README.md has no {kind} block")).to_owned()
    };
    let own = |script: &str| shell(&here, &format!("cd ~/stuf-first\n{script}"));
    let told = shell(&here, &block("package")).exits_with(0);
    assert!(told.stdout.contains("next: give out/VERIFY.txt"), "{}", told.stdout);
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    let told = own(&block("glass")).exits_with(0);
    assert!(told.stdout.contains("stuf-minimal: pass, 2 operations"), "{}", told.stdout);

    let told = own(&block("kit")).exits_with(0);
    assert!(told.stdout.starts_with("kit/stufpack-source-kit.zip (written)\n"), "{}", told.stdout);
    assert!(told.stdout.contains("\nVerified: stufpack-source-kit\n"), "{}", told.stdout);

    let target =
        here.read("home/stuf-first/target.yaml").replace("environment: staging", "environment: production");
    here.write(
        "home/stuf-first/my.yaml",
        &target.replace("mode: internal", "mode: acme, email: ta@minimal.example"),
    );
    let next = "stufpack compile export --target my.yaml --sign-key issuer --glass stuf-minimal --signers signers --out";
    let told = own(&format!("{next} out")).exits_with(1);
    let message = told.stderr.lines().last().unwrap_or_default();
    let folder = message.strip_prefix("next: give each package a folder of its own: --out ");
    let folder = folder.unwrap_or_else(|| panic!("{}", told.stderr));
    let told = own(&format!("{next} {folder}")).exits_with(0);
    assert!(told.stdout.contains("operation 2, "), "{}", told.stdout);

    // What was recorded can be read by whoever has the identity that was made first.
    own("age -d -i identity \"$(find stuf-minimal -name '*.age' | sort | tail -n 1)\" >personal && test -s personal")
        .exits_with(0);
    let mut after = here.names("");
    after.retain(|name| name != "bin");
    assert_eq!(after, before, "nothing but the folder of one's own");
}

/// The whole way of somebody who has a clone of the glass and an identity: from what `./migrate` prints there to its status.
#[test]
fn what_migrate_prints_in_a_clone_of_a_glass_can_be_pasted() {
    use age::secrecy::ExposeSecret as _;
    let here = Workspace::new();
    here.example("minimal", "input");
    let identity = age::x25519::Identity::generate();
    here.write("identity", identity.to_string().expose_secret());
    here.stufpack(COMPILE).exits_with(0);
    here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
    let record = "glass record stuf-minimal out/minimal-staging-hosted-to-self-host-1.zip --sign-key key --signers signers";
    let recipient = identity.to_public();
    here.stufpack(&format!("{record} --recipient {recipient}")).exits_with(0);

    let told = shell(&here, "git clone -q stuf-minimal clone; clone/migrate status").exits_with(12);
    let commands = told.stderr.split_once("CLONE, DIR and KEY:\n").expect("what to do instead").1;
    let path = |name: &str| format!("'{}'", here.path(name).display());
    let commands = commands
        .replace("CLONE", &path("clone"))
        .replace("DIR", &path("unpacked"))
        .replace("KEY", &path("identity"));
    fs::create_dir_all(here.path("home/.config/stufpack")).expect("a folder");
    here.write("home/.config/stufpack/minimal.signers", &here.read("signers"));
    let told = shell(&here, &commands).exits_with(0);
    assert!(
        told.stdout.contains("minimal staging, package 1: 0 % of what this package runs"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.ends_with("next: ./migrate bootstrap\n"), "{}", told.stdout);
    let told = here.stufpack(&format!("verify unpacked --signers signers --at {AT}")).exits_with(0);
    assert_eq!(told.stdout.lines().last(), Some("next: read unpacked/README.md"));
}

/// `tools/docker-bench accept-recording` writes both; the bench compares the whole with what really happens.
#[test]
fn what_the_readme_shows_of_the_recording_stands_in_it() {
    let excerpt = |name: &str| {
        let page = page(name);
        let shown =
            page.split_once("<!-- recording -->\n").and_then(|(_, rest)| rest.split_once("<!-- end of"));
        shown.unwrap_or_else(|| panic!("{name} has no recording")).0.to_owned()
    };
    assert!(excerpt("docs/recording.md").contains("./migrate verify"));
    assert_eq!(excerpt("README.md"), excerpt("docs/recording.md"));
}

/// Key and signers of a customer, as both pages make them: with them a package is recorded, and nothing more is allowed.
#[test]
fn a_customer_makes_key_and_signers_as_the_pages_print_it_and_records() {
    for (name, begin) in
        [("docs/glass.md", "```sh key\n"), ("golden/minimal/docs/operations.md", "```bash key\n")]
    {
        let here = Workspace::new();
        here.example("minimal", "input");
        here.stufpack(COMPILE).exits_with(0);
        here.stufpack("glass init stuf-minimal --sign-key key --signers signers").exits_with(0);
        let page = page(name);
        let block = page.split(begin).nth(1).and_then(|rest| rest.split("```").next());
        let block = block.unwrap_or_else(|| panic!("{name} has no such block"));
        shell(&here, &format!("mkdir own && cp out/VERIFY.txt own && cd own\n{block}")).exits_with(0);
        let signers = here.read("own/signers");
        let own: Vec<&str> = signers.lines().filter(|line| line.starts_with("customer/")).collect();
        assert!(own.len() == 1 && own[0].contains(" namespaces=\"git\" ssh-ed25519 "), "{signers}");

        let recipient = here.read("input/target.yaml");
        let recipient =
            recipient.split(['[', ']']).find(|word| word.starts_with("age1")).expect("a recipient");
        let record = format!(
            "stufpack glass record stuf-minimal out/*.zip --sign-key own/customer --signers own/signers --recipient {recipient}"
        );
        // Of a key that nobody knows, the refusal says what each kind of key needs.
        let told = shell(&here, &record.replace("own/signers", "signers")).exits_with(4);
        for line in
            ["customer/NAME with namespaces=\"git\",", "issuer/NAME with namespaces=\"git,stufpack\" if"]
        {
            assert!(told.stderr.contains(line), "{}", told.stderr);
        }

        let told = shell(&here, &record).exits_with(0);
        let (said, next) = told.stdout.split_once("\nnext: ").expect("a next command");
        assert!(
            said.ends_with("Write this commit down, with today's date: it is the next check's pin."),
            "{said}"
        );
        shell(&here, next).exits_with(0);
    }
}

/// Part 1 and 2 of VERIFY.txt, and the guide's commands, for a package in clear and for an encrypted one.
#[test]
fn what_verify_txt_and_the_guide_print_can_be_pasted() {
    use age::secrecy::ExposeSecret as _;
    let here = Workspace::new();
    here.example("minimal", "input");
    let identity = age::x25519::Identity::generate();
    let target = here.read("input/target.yaml");
    let recipient = target.split(['[', ']']).find(|word| word.starts_with("age1")).expect("a recipient");
    here.write("input/target.yaml", &target.replace(recipient, &identity.to_public().to_string()));
    let guide: Vec<String> = page("docs/guide.md")
        .lines()
        .filter_map(|line| line.strip_prefix("    stufpack unpack "))
        .map(str::to_owned)
        .collect();
    for (encrypt, ending, unpack) in [("", "zip", &guide[0]), (" --encrypt --force", "zip.age", &guide[1])] {
        fs::remove_dir_all(here.path("out")).ok();
        fs::remove_dir_all(here.path("home")).ok();
        here.stufpack(&format!("{COMPILE}{encrypt}")).exits_with(0);
        let page = here.read("out/VERIFY.txt");
        let part = |begin: &str, end: &str| {
            let text = page.split(begin).nth(1).and_then(|rest| rest.split(end).next()).expect("a part");
            let commands = text.lines().filter_map(|line| line.strip_prefix("    "));
            commands.filter(|line| !line.starts_with("SHA256:")).collect::<Vec<_>>().join("\n")
        };
        shell(&here, &part("\n1 The signer", "\n2 With")).exits_with(0);
        let line = page.lines().find(|line| line.starts_with("issuer/")).expect("the signer's line");
        here.write("home/.config/stufpack/minimal.signers", &format!("{line}\n"));
        here.write("home/.config/stufpack/minimal.identity", identity.to_string().expose_secret());
        let told = shell(&here, &format!("cd out\n{}", part("\n2 With", "\n3 With"))).exits_with(0);
        assert!(told.stdout.starts_with("Verified: minimal-"), "{}", told.stdout);

        let unpack = unpack
            .replace("PACKAGE", &format!("out/minimal-staging-hosted-to-self-host-1.{ending}"))
            .replace("FOLDER", &format!("tree-{ending}"))
            .replace("SLUG", "minimal")
            .replace("KEY", "home/.config/stufpack/minimal.identity");
        shell(&here, &format!("stufpack unpack {unpack} --at {AT}")).exits_with(0);
    }
}

/// The two files by which `provision` keeps its state elsewhere, in the place and by the names that it looks for.
#[test]
fn the_state_of_terraform_is_kept_elsewhere_by_what_operations_and_the_guide_print() {
    let here = Workspace::new();
    here.example("acme", "input");
    here.stufpack(COMPILE).exits_with(0);
    let package = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
    here.stufpack(&format!("unpack out/{package} tree --signers signers --at {AT}")).exits_with(0);
    let page = here.read("tree/docs/operations.md");
    let block = page.split("```bash state\n").nth(1).and_then(|rest| rest.split("```").next());
    let guide = self::page("docs/guide.md").replace("SLUG-ENVIRONMENT", "acme-production");
    let guide: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("      ")).collect();
    let modules = "templates/infrastructure/ansible/module_utils/stufpack_terraform.py";
    let names = "OVERRIDE, BACKEND = \"*_override.tf\", \"backend.tfbackend\"";
    assert!(self::page(modules).contains(names), "{modules} looks for other names");

    let settings =
        [("bucket", "states-of-acme"), ("key", "stuf/acme-production.tfstate"), ("region", "eu-west-1")];
    for commands in [block.expect("a block"), &guide.join("\n").replace("REGION", "eu-west-1")] {
        fs::remove_dir_all(here.path("home")).ok();
        shell(&here, &format!("cd tree\n{}", commands.replace("STATE-BUCKET", "states-of-acme")))
            .exits_with(0);
        let own = "home/.local/state/stufpack/acme-production/local/terraform";
        assert_eq!(here.names(own), ["backend.tfbackend", "backend_override.tf"]);
        assert_eq!(
            here.read(&format!("{own}/backend_override.tf")),
            here.read("tree/infrastructure/terraform/backends/s3.tf")
        );
        let told = here.read(&format!("{own}/backend.tfbackend"));
        let told: Vec<_> = told.lines().filter_map(|line| line.split_once(" = ")).collect();
        let expected = settings.map(|(name, text)| (name, format!("\"{text}\"")));
        assert_eq!(told, expected.each_ref().map(|(name, text)| (*name, text.as_str())));
    }
}
