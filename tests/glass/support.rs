//! A glass to try things on: real keys made by `ssh-keygen`, real commits made by `git`, nothing of the user's own settings.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stufpack::model::{
    AgeRecipient, Environment, File, Files, Pathway, Provider, Salt, Secret, Timestamp, Word,
};
use stufpack::open::Signers;
use stufpack::pack::{self, Package, Previous, Principal, Requires, Sealing, Signer};
use stufpack::record::{self, Founding, Glass, Recorded, Recording};

pub const ISSUER: &str = "issuer/releases@example.org";
pub const FAKE_PASSWORD: &str = "not-a-real-password";
pub const CUSTOMER: &str = "customer/ta@example.org";
/// What the validation of [`Case::operation`] rests on.
pub const VERDICT: &str = "{\"verdict\":\"pass\",\"checks\":[]}\n";
pub const STRANGER: &str = "issuer/stranger@example.org";

/// One person with a key.
pub struct Person {
    pub principal: &'static str,
    pub key: PathBuf,
}

impl Person {
    pub fn signer(&self) -> Signer {
        Signer::from_file(&self.key).unwrap()
    }

    /// The public half, `ssh-ed25519 AAAA…`.
    pub fn public(&self) -> String {
        let line = fs::read_to_string(self.key.with_extension("pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// A line of a signers file.
    pub fn line(&self, options: &str) -> String {
        format!("{} {options} {}\n", self.principal, self.public())
    }
}

pub struct Case {
    pub folder: PathBuf,
    /// Takes the folder away in the end, unless another process owns it.
    _guard: Option<tempfile::TempDir>,
    pub issuer: Person,
    pub customer: Person,
    pub stranger: Person,
    pub recipient: AgeRecipient,
    clock: Cell<i64>,
    made: RefCell<BTreeMap<u32, Package>>,
}

impl Case {
    pub fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().to_owned();
        let person = |principal, name: &str| {
            let key = folder.join(name);
            run(Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", principal, "-f"])
                .arg(&key));
            Person { principal, key }
        };
        let identity = folder.join("identity.txt");
        run(Command::new("age-keygen").arg("-o").arg(&identity));
        let recipient = run(Command::new("age-keygen").arg("-y").arg(&identity));
        let recipient = AgeRecipient::parse(String::from_utf8(recipient.stdout).unwrap().trim()).unwrap();
        let case = Self {
            issuer: person(ISSUER, "issuer"),
            customer: person(CUSTOMER, "customer"),
            stranger: person(STRANGER, "stranger"),
            recipient,
            clock: Cell::new(1_768_000_000),
            made: RefCell::default(),
            folder,
            _guard: Some(guard),
        };
        fs::write(case.path("allowed_signers"), case.signers_text()).unwrap();
        case
    }

    /// The case whose folder another process made.
    pub fn again(folder: &Path) -> Self {
        let person = |principal, name: &str| Person { principal, key: folder.join(name) };
        let identity = run(Command::new("age-keygen").arg("-y").arg(folder.join("identity.txt")));
        Self {
            issuer: person(ISSUER, "issuer"),
            customer: person(CUSTOMER, "customer"),
            stranger: person(STRANGER, "stranger"),
            recipient: AgeRecipient::parse(String::from_utf8(identity.stdout).unwrap().trim()).unwrap(),
            clock: Cell::new(1_769_000_000),
            made: RefCell::default(),
            folder: folder.to_owned(),
            _guard: None,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn glass(&self) -> PathBuf {
        self.path("glass")
    }

    /// The usual signers: issuer and customer, not the stranger.
    pub fn signers_text(&self) -> String {
        self.issuer.line("namespaces=\"git,stufpack\"") + &self.customer.line("namespaces=\"git\"")
    }

    pub fn signers(&self) -> Signers {
        Signers::parse(self.signers_text().as_bytes(), "allowed_signers").unwrap()
    }

    /// A time later than every one before.
    pub fn tick(&self) -> i64 {
        self.clock.set(self.clock.get() + 60);
        self.clock.get()
    }

    pub fn init(&self, bare: bool) -> git2::Oid {
        let text = self.signers_text();
        let slug = stufpack::model::Slug::parse("harbour").unwrap();
        let founding = Founding {
            slug: &slug,
            signers: &self.signers(),
            allowed_signers: &text,
            key: &self.issuer.signer(),
            at: timestamp(self.tick()),
            bare,
            requested_by: None,
            ticket: None,
        };
        record::init(&self.glass(), &founding).unwrap()
    }

    /// A package of the usual shape.
    pub fn package(&self, number: u32, previous: Option<&Package>) -> Package {
        self.package_of(number, previous, "harbour", &self.issuer, files(number))
    }

    pub fn package_of(
        &self,
        number: u32,
        previous: Option<&Package>,
        slug: &str,
        signer: &Person,
        files: Files,
    ) -> Package {
        self.package_with(number, previous, slug, signer, files, |_| {})
    }

    /// The same, with other details.
    pub fn package_with(
        &self,
        number: u32,
        previous: Option<&Package>,
        slug: &str,
        signer: &Person,
        files: Files,
        change: impl FnOnce(&mut pack::Details),
    ) -> Package {
        let created = timestamp(self.tick());
        let mut details = pack::Details {
            slug: Word::parse(slug).unwrap(),
            environment: Environment::Production,
            pathway: Pathway::HostedToSelf,
            provider: Provider::Host,
            number,
            previous: previous.map(|package| Previous {
                number: package.manifest().package.number,
                sha256: package.sha256(),
            }),
            issuer: Principal::parse(ISSUER).unwrap(),
            installation: Word::parse("hosted.example.org").unwrap(),
            created_at: created,
            expires_at: timestamp(created.seconds() + 30 * 86_400),
            tool: pack::Tool::this(),
            source: stufpack::model::Digest::of(b"source"),
            target: stufpack::model::Digest::of(b"target"),
            requires: Requires::default(),
            secrets: Vec::new(),
            salt: Salt([7; 32]),
        };
        change(&mut details);
        let signer = signer.signer();
        pack::seal(files, &Sealing { signer: &signer, details: &details }).unwrap()
    }

    pub fn record(&self, package: &Package) -> Recorded {
        self.try_record(package, &self.issuer).unwrap()
    }

    pub fn try_record(&self, package: &Package, by: &Person) -> Result<Recorded, record::Error> {
        self.record_with(package, by, |_| {})
    }

    pub fn record_with(
        &self,
        package: &Package,
        by: &Person,
        change: impl FnOnce(&mut Recording<'_>),
    ) -> Result<Recorded, record::Error> {
        let signers = self.signers();
        let key = by.signer();
        let recipients = [self.recipient.clone()];
        let mut recording = Recording { recipients: &recipients, ..recording(&key, &signers) };
        change(&mut recording);
        let recorded = record::record(&self.glass(), package, &recording)?;
        self.made.borrow_mut().insert(package.manifest().package.number, package.clone());
        Ok(recorded)
    }

    /// The package that was recorded last under that number.
    pub fn package_recorded(&self, number: u32) -> Package {
        self.made.borrow()[&number].clone()
    }

    /// A folder such as a phase writes: a deployment of `package` with a journal of `lines` lines.
    pub fn operation(&self, package: &Package, lines: u64) -> PathBuf {
        let at = self.tick();
        let folder = self.path(&format!("operation-{at}"));
        fs::create_dir_all(folder.join("reports")).unwrap();
        fs::create_dir_all(folder.join("logs")).unwrap();
        let plan = package.files()["MIGRATION-PLAN.json"].sha256;
        let time = timestamp(at);
        let (mut journal, mut last) = (String::new(), "0".repeat(64));
        for n in 1..=lines {
            let line = format!(
                "{{\"v\":1,\"n\":{n},\"prev\":\"{last}\",\"plan\":\"{plan}\",\"run\":1,\"phase\":\"deploy\",\
                 \"step\":\"deploy/step-{n}\",\"state\":\"done\",\"at\":\"{time}\"}}\n"
            );
            last = stufpack::model::Digest::of(line.as_bytes()).hex();
            journal.push_str(&line);
        }
        let number = package.manifest().package.number;
        let about = format!(
            "{{\"schema\":1,\"event\":\"deployment\",\"slug\":\"harbour\",\"package\":{{\"number\":{number},\
             \"sha256\":\"{}\",\"plan\":\"{plan}\"}},\"phase\":\"deploy\",\"run\":1,\"result\":\"paused\",\"started\":\"{time}\",\
             \"ended\":\"{time}\",\"validation\":\"pass\",\"requested_by\":\"Ada (TA)\",\
             \"journal\":{{\"lines\":{lines},\"sha256\":\"{last}\"}},\"personal\":[\"reports/users.json\"]}}\n",
            package.sha256()
        );
        fs::write(folder.join("operation.json"), about).unwrap();
        fs::write(folder.join("journal.jsonl"), journal).unwrap();
        fs::write(folder.join("reports/deploy.json"), VERDICT).unwrap();
        fs::write(folder.join("reports/verify.json"), "{}\n").unwrap();
        fs::write(folder.join("reports/users.json"), "[\"ada@example.org\"]\n").unwrap();
        fs::write(folder.join("logs/deploy.log"), format!("run {at}\n")).unwrap();
        folder
    }

    pub fn record_operation(&self, folder: &Path, by: &Person) -> Result<Recorded, record::Error> {
        let signers = self.signers();
        let key = by.signer();
        let recording = recording(&key, &signers);
        let known = [Secret::new("mail password", FAKE_PASSWORD)];
        Glass::open(&self.glass())?.lock()?.record_operation(folder, &known, &recording)
    }

    /// A file as git has it, to the byte.
    pub fn raw(&self, object: &str) -> Vec<u8> {
        let output = self.try_git(&["cat-file", "blob", object]);
        assert!(output.status.success(), "{object}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Stock git in the glass, hermetic; fails the test when git fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn try_git(&self, arguments: &[&str]) -> Output {
        self.git_in(&self.glass(), arguments)
    }

    pub fn git_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.command("git").current_dir(folder).args(arguments).output().unwrap()
    }

    /// Settings that people have who sign: git then says more, also where a script reads it.
    pub fn settings_of_who_signs(&self) -> PathBuf {
        let path = self.path("gitconfig");
        fs::write(&path, "[log]\n\tshowSignature = true\n").unwrap();
        path
    }

    /// A program that sees nothing of the user's own settings, with the usual signers.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        for (number, (key, value)) in [
            ("gpg.format", "ssh".to_owned()),
            ("gpg.ssh.allowedSignersFile", self.path("allowed_signers").display().to_string()),
            ("advice.detachedHead", "false".to_owned()),
        ]
        .iter()
        .enumerate()
        {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command.env("GIT_CONFIG_COUNT", "3");
        command
    }
}

/// Who records by whose signers, for no recipients; nobody asked or approved, and there is no ticket.
pub fn recording<'a>(key: &'a Signer, signers: &'a Signers) -> Recording<'a> {
    Recording { key, signers, recipients: &[], requested_by: None, approved_by: None, ticket: None }
}

/// Runs a program that must be there and succeed.
pub fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{:?} is needed by this test: {error}", command.get_program()));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

pub fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(jiff::Timestamp::from_second(seconds).unwrap())
}

/// 141 files of the size that a package has, a few of which depend on `number`.
pub fn files(number: u32) -> Files {
    let mut files = Files::new();
    let mut add = |path: &str, file: File| files.insert(path.to_owned(), file);
    add("README.md", File::document(format!("# Package {number}\n")));
    add("MIGRATION-PLAN.json", File::document(format!("{{\"schema\": 1, \"number\": {number}}}\n")));
    add("bill-of-materials.cdx.json", File::document("{\"bomFormat\": \"CycloneDX\"}\n"));
    add("configuration/api-config/stuf_config.json", File::data("{}\n"));
    add("configuration/api-config/users/users.json", File::data(format!("[{number}]\n")).personal());
    add("docs/ledger.json", File::data("[]\n").personal());
    add("infrastructure/compose/.env", File::data(format!("N=\"{number}\"\n")));
    for index in 0..130 {
        let mut text = String::new();
        for line in 0..90 {
            text.push_str(&format!(
                "task {index}.{line}: {:x}\n",
                (index * 7919 + line * 104_729) as u64 * 2_654_435_761
            ));
        }
        add(&format!("infrastructure/ansible/roles/r{}/tasks/t{index}.yml", index % 12), File::data(text));
    }
    files
}
