//! Words with a shape: a value of these types cannot be wrong.

use super::codes::{self, CodeInfo};

/// A word that is read from text.
pub trait Word: Sized {
    /// What would be right, as a noun phrase for messages.
    const EXPECTED: &'static str;
    /// One that is right.
    const EXAMPLE: &'static str;
    /// All that are right, where they can be counted.
    const CHOICES: &'static [&'static str] = &[];
    /// What each of the choices means.
    const MEANINGS: &'static [&'static str] = &[];
    /// Whether a wrong one is never shown, since a secret could stand there.
    const HIDDEN: bool = false;

    /// For common mistakes: a more telling code and sentence than "this is not …".
    fn diagnose(_text: &str) -> Option<(&'static CodeInfo, String)> {
        None
    }

    /// Of the ways to write one, that in which it is kept.
    fn spelled(text: &str) -> String {
        text.to_owned()
    }

    /// Reads the word, or says nothing but that it is wrong.
    fn parse(text: &str) -> Option<Self>;
}

/// Lets serde read a word from what we wrote ourselves, such as a manifest; the message never shows the value.
macro_rules! read_as_word {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::model::Word>::parse(&text)
                    .ok_or_else(|| serde::de::Error::custom(<Self as $crate::model::Word>::EXPECTED))
            }
        }
    };
}
pub(crate) use read_as_word;

/// Declares a text newtype with its rule.
macro_rules! word {
    ($(#[$meta:meta])* $name:ident, $expected:literal, $example:literal, $rule:expr $(, $also:item)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $crate::model::Word for $name {
            const EXPECTED: &'static str = $expected;
            const EXAMPLE: &'static str = $example;
            $($also)*

            fn parse(text: &str) -> Option<Self> {
                let rule: fn(&str) -> bool = $rule;
                rule(text).then(|| Self(<Self as $crate::model::Word>::spelled(text)))
            }
        }

        impl $name {
            /// The text as it stands.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        $crate::model::read_as_word!($name);
    };
}
pub(crate) use word;

fn is_label(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| is_label(label, 63))
        && !text.rsplit('.').next().unwrap_or("").bytes().all(|b| b.is_ascii_digit())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    (1..=64).contains(&local.len())
        && text.len() <= 254
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && is_domain(&domain.to_ascii_lowercase())
}

pub(super) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_authority(text: &str) -> bool {
    let colon = text.rfind(':').filter(|at| !text[*at..].contains(']'));
    let (host, port) = colon.map_or((text, "443"), |at| (&text[..at], &text[at + 1..]));
    // Within an address the colons of IPv6 would be taken for the port's.
    let six = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_six = six.is_some_and(|six| six.parse::<std::net::Ipv6Addr>().is_ok());
    (is_six || is_domain(host) || host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok())
        && port.bytes().all(|b| b.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|p| p > 0)
}

word!(
    /// The name of one STUF: 1 to 40 of `a-z`, `0-9` and inner `-`.
    ///
    /// Safe as a file name, DNS label and part of a bucket name; `render` relies on it.
    Slug,
    "1 to 40 of a-z, 0-9 and inner hyphens",
    "harbour",
    |text| is_label(text, 40)
);
word!(
    /// A host name with at least one dot, lower case, without scheme, port or path.
    Domain,
    "a host name such as files.example.org, without scheme, port or path",
    "files.example.org",
    is_domain,
    fn diagnose(text: &str) -> Option<(&'static CodeInfo, String)> {
        text.contains("://").then(|| (&codes::DOMAIN_SCHEME, "this must be a host name, but has a scheme".to_owned()))
    }
);
word!(
    /// An e-mail address of ASCII characters.
    Email,
    "an e-mail address such as ada@example.org",
    "ada@example.org",
    is_email
);
word!(
    /// A phone number in E.164: `+` and 7 to 15 digits.
    Phone,
    "a phone number such as +4912345678",
    "+4912345678",
    |text| text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    })
);
word!(
    /// Free text: any characters but NUL. Never trusted by any format.
    Text,
    "text of at most 20,000 characters without NUL",
    "some text",
    |text| text.len() <= 80_000 && text.chars().count() <= 20_000 && !text.contains('\0'),
    const HIDDEN: bool = true;
);
word!(
    /// `scheme://host[:port]` with `https`, or `http`, and nothing after it.
    Origin,
    "an origin such as https://files.example.org, without path",
    "https://files.example.org",
    |text| text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(is_authority)
);
word!(
    /// An `https` or `http` address with an optional path, of printable ASCII without quotes and spaces.
    Url,
    "an address such as https://example.org/path",
    "https://example.org/path",
    |text| text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            is_authority(authority)
                && path
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._~/%?=&+:@,".contains(&b))
        })
);
word!(
    /// A bucket or container name that S3 and Azure both accept.
    BucketName,
    "3 to 63 of a-z, 0-9 and inner hyphens",
    "stuf-uploads",
    |text| text.len() >= 3 && is_label(text, 63) && !text.contains("--")
);
word!(
    /// Name of a collection: part of object keys and of a realm role.
    CollectionName,
    "1 to 64 of a-z, 0-9 and inner hyphens",
    "reports",
    |text| is_label(text, 64)
);
word!(
    /// Id of a user: names a document in the bucket.
    UserId,
    "1 to 64 of a-z, 0-9 and inner hyphens",
    "u-001",
    |text| is_label(text, 64)
);
word!(
    /// Name of a realm role.
    RoleName,
    "a role such as admin, trust-architect or collection-reports",
    "project-participant",
    |text| is_label(text, 80)
);
word!(
    /// A GitHub user name.
    GithubUser,
    "a GitHub user name: 1 to 39 letters, digits and inner hyphens",
    "ada-example",
    |text| is_label(&text.to_ascii_lowercase(), 39) && !text.contains("--")
);
word!(
    /// A Unix user name.
    UserName,
    "a user name such as deploy",
    "deploy",
    |text| (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        && !text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
);
word!(
    /// Name of a secret: a file name below `secrets/`.
    SecretName,
    "1 to 64 of a-z, 0-9 and _ that begin with a letter, such as mail_password",
    "mail_password",
    |text| (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
);
word!(
    /// A host name or an IP address.
    HostAddress,
    "a host name or an IP address",
    "192.0.2.10",
    |text| is_domain(text) || is_label(text, 63) || text.parse::<std::net::IpAddr>().is_ok()
);
word!(
    /// An SSH public key of a host: type and base64, no comment.
    HostKey,
    "an SSH host key such as `ssh-ed25519 AAAA…`",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5",
    |text| ssh_key::PublicKey::from_openssh(text).is_ok()
        && text.split(' ').count() == 2
        && !text.contains(char::is_control)
);
word!(
    /// An age recipient, `age1…`.
    AgeRecipient,
    "an age recipient such as age1…",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    |text| text.parse::<age::x25519::Recipient>().is_ok(),
    // Capitals mean the same, and what reads recipients elsewhere knows small letters alone.
    fn spelled(text: &str) -> String {
        text.to_ascii_lowercase()
    }
);
word!(
    /// A colour, `#rrggbb`.
    Colour,
    "a colour such as #0b5fff",
    "#0b5fff",
    |text| text.strip_prefix('#').is_some_and(|hex| is_hex(&hex.to_ascii_lowercase(), 6))
);
word!(
    /// The id of a commit, 40 hexadecimal digits.
    Commit,
    "a commit id of 40 hexadecimal digits",
    "0123456789abcdef0123456789abcdef01234567",
    |text| is_hex(text, 40)
);
word!(
    /// An image by digest, `name@sha256:…`; a tag is not accepted.
    ImageReference,
    "an image by digest, such as ghcr.io/example/api@sha256:…",
    "ghcr.io/example/api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    |text| text.split_once("@sha256:").is_some_and(|(name, digest)| {
        is_hex(digest, 64)
            && name.split('/').all(|part| !part.is_empty())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./:_-".contains(&b))
            && !name.rsplit('/').next().unwrap_or("").contains(':')
    }),
    fn diagnose(text: &str) -> Option<(&'static CodeInfo, String)> {
        let untold = !text.contains("@sha256:") && !text.contains(char::is_whitespace);
        untold.then(|| (&codes::IMAGE_TAG, "an image by tag can be another one tomorrow".to_owned()))
    }
);
word!(
    /// A relative path inside the export, of plain segments.
    AttachmentPath,
    "a relative path such as branding/logo.svg",
    "branding/logo.svg",
    |text| text.len() <= 200
        && text.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        })
);
word!(
    /// A network in CIDR notation, host bits zero.
    Cidr,
    "a network such as 192.0.2.0/24",
    "192.0.2.0/24",
    is_cidr,
    fn diagnose(text: &str) -> Option<(&'static CodeInfo, String)> {
        let network = network_of(text)?;
        Some((&codes::VALUE_INVALID, format!("this is an address inside a network; the network itself is {network}")))
    }
);

/// Address and length of the prefix of what is written like a network, host bits or not.
fn prefixed(text: &str) -> Option<(std::net::IpAddr, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let plain = prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
    let (address, length) = (address.parse::<std::net::IpAddr>().ok()?, prefix.parse().ok()?);
    (plain && length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
}

fn is_cidr(text: &str) -> bool {
    prefixed(text).is_some_and(|(address, length)| match address {
        std::net::IpAddr::V4(v4) => u32::from(v4).checked_shl(length).unwrap_or(0) == 0,
        // IPv4 is written as IPv4: in its other form some take it for a network of IPv6.
        std::net::IpAddr::V6(v6) => {
            u128::from(v6).checked_shl(length).unwrap_or(0) == 0 && v6.to_ipv4_mapped().is_none()
        }
    })
}

/// The network that an address with a prefix lies in, host bits zero.
fn network_of(text: &str) -> Option<String> {
    let (address, length) = prefixed(text)?;
    let network: std::net::IpAddr = match address {
        std::net::IpAddr::V4(v4) => {
            std::net::Ipv4Addr::from(u32::from(v4) & u32::MAX.checked_shl(32 - length).unwrap_or(0)).into()
        }
        std::net::IpAddr::V6(v6) => {
            std::net::Ipv6Addr::from(u128::from(v6) & u128::MAX.checked_shl(128 - length).unwrap_or(0)).into()
        }
    };
    Some(format!("{network}/{length}"))
}

/// Declares words of which there are only a few.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $( $(#[doc = $variant_doc:literal])+ $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum $name {
            $( $(#[doc = $variant_doc])+ #[serde(rename = $text)] $variant ),+
        }

        impl $name {
            /// Each of them.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The word as it stands in documents.
            pub fn as_str(&self) -> &'static str {
                match self {
                    $( Self::$variant => $text ),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::model::Word for $name {
            const EXPECTED: &'static str = concat!("one of", $( " ", $text ),+);
            const EXAMPLE: &'static str = [$( $text ),+][0];
            const CHOICES: &'static [&'static str] = &[$( $text ),+];
            const MEANINGS: &'static [&'static str] = &[$( concat!($( $variant_doc ),+) ),+];

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $( $text => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        $crate::model::read_as_word!($name);

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": <Self as $crate::model::Word>::CHOICES})
            }
        }
    };
}
pub(crate) use choice;
