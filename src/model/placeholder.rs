//! The examples that `target init` writes: a target in which one of them is left is not finished.
//!
//! All are of the ranges and names that are reserved for documentation, so nobody's own value is ever taken for one.

/// An example in the text of `target init`.
#[derive(Debug)]
pub struct Placeholder {
    /// How the text marks its place, such as `<domain>`.
    pub mark: &'static str,
    /// What stands there.
    pub value: &'static str,
    /// What belongs there.
    pub meaning: &'static str,
}

/// Each of them.
pub static PLACEHOLDERS: &[Placeholder] = &[
    Placeholder {
        mark: "<domain>",
        value: "files.example.org",
        meaning: "the name under which your installation will answer",
    },
    Placeholder { mark: "<address>", value: "203.0.113.10", meaning: "the address or name of your machine" },
    Placeholder {
        mark: "<host key>",
        value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        meaning: "what `cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub` prints on your machine's console",
    },
    Placeholder {
        mark: "<contact>",
        value: "hostmaster@example.org",
        meaning: "an address of yours that the certificate authority may write to",
    },
    Placeholder {
        mark: "<network>",
        value: "203.0.113.0/24",
        meaning: "the networks that you administer the machine from",
    },
    Placeholder { mark: "<mail server>", value: "mail.example.org", meaning: "your mail server" },
    Placeholder { mark: "<sender>", value: "files@example.org", meaning: "the sender of your invitations" },
];

/// `template` with each mark replaced by its example.
pub fn fill(template: &str) -> String {
    PLACEHOLDERS.iter().fold(template.to_owned(), |text, example| text.replace(example.mark, example.value))
}

/// The example that `text` is.
pub fn find(text: &str) -> Option<&'static Placeholder> {
    PLACEHOLDERS.iter().find(|example| example.value.eq_ignore_ascii_case(text.trim()))
}
