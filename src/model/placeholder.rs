//! Values that stand for one's own: the examples that `target init` writes, and those that other manuals print. A target in
//! which one of them is left is not finished.
//!
//! What `target init` writes is of the ranges and names that are reserved for documentation, so nobody's own value is ever
//! taken for one.

/// An example that is never somebody's own value.
#[derive(Debug)]
pub struct Placeholder {
    /// How the text of `target init` marks its place, such as `<domain>`; nothing where another manual prints it.
    pub mark: Option<&'static str>,
    /// What stands there.
    pub value: &'static str,
    /// What belongs there.
    pub meaning: &'static str,
    /// The command that prints one's own, where there is one.
    pub command: Option<&'static str>,
}

impl Placeholder {
    /// What is wrong where it stands.
    pub fn problem(&self) -> &'static str {
        match self.mark {
            Some(_) => "this is still the example of `target init`",
            None => "this is an example of age's own manual, which somebody else can decrypt with",
        }
    }

    const fn of_init(mark: &'static str, value: &'static str, meaning: &'static str) -> Self {
        Self { mark: Some(mark), value, meaning, command: None }
    }

    /// A recipient of age's manual: people paste it, and whom it belongs to can read what is encrypted to it.
    const fn of_age(value: &'static str) -> Self {
        Self {
            mark: None,
            value,
            meaning: "a recipient whose identity you keep",
            command: Some("[ -e identity ] || age-keygen -o identity; age-keygen -y identity"),
        }
    }
}

/// Each of them.
pub static PLACEHOLDERS: &[Placeholder] = &[
    Placeholder::of_init(
        "<domain>",
        "files.example.org",
        "the name under which your installation will answer",
    ),
    Placeholder::of_init("<address>", "203.0.113.10", "the address or name of your machine"),
    Placeholder {
        mark: Some("<host key>"),
        value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        meaning: "the host key of your machine, read on its own console",
        command: Some("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub"),
    },
    Placeholder {
        mark: Some("<public key>"),
        value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        meaning: "the public half of the key that you sign in with",
        command: Some("cut -d' ' -f1,2 ~/.ssh/id_ed25519.pub"),
    },
    Placeholder::of_init(
        "<contact>",
        "hostmaster@example.org",
        "an address of yours that the certificate authority may write to",
    ),
    Placeholder::of_init("<network>", "203.0.113.0/24", "the networks that you administer the machine from"),
    Placeholder::of_init("<mail server>", "mail.example.org", "your mail server"),
    Placeholder::of_init("<sender>", "files@example.org", "the sender of your invitations"),
    Placeholder::of_age("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
    Placeholder::of_age("age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"),
    Placeholder::of_age("age1gde3ncmahlqd9gg50tanl99r960llztrhfapnmx853s4tjum03uqfssgdh"),
    // Its identity stands in age-keygen's manual.
    Placeholder::of_age("age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"),
    Placeholder::of_age("age1yhm4gctwfmrpz87tdslm550wrx6m79y9f2hdzt0lndjnehwj0ukqrjpyx5"),
];

/// `template` with each mark replaced by its example.
pub fn fill(template: &str) -> String {
    let marked = PLACEHOLDERS.iter().filter_map(|example| Some((example.mark?, example.value)));
    marked.fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

/// The example that `text` is.
pub fn find(text: &str) -> Option<&'static Placeholder> {
    PLACEHOLDERS.iter().find(|example| example.value.eq_ignore_ascii_case(text.trim()))
}
