//! Words with a shape: a value of these types cannot be wrong.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A word that is read from text.
pub trait Word: Sized {
    /// What would be right, as a noun phrase for messages.
    const EXPECTED: &'static str;

    /// Reads the word, or says nothing but that it is wrong.
    fn parse(text: &str) -> Option<Self>;
}

/// Lets serde read a word from what we wrote ourselves, such as a manifest; the message never shows the value.
macro_rules! read_as_word {
    ($name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(Self::EXPECTED))
            }
        }
    };
}

/// Declares a text newtype with its rule.
macro_rules! word {
    ($(#[$meta:meta])* $name:ident, $expected:literal, $rule:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl Word for $name {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                let rule: fn(&str) -> bool = $rule;
                rule(text).then(|| Self(text.to_owned()))
            }
        }

        impl $name {
            /// The text as it stands.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        read_as_word!($name);
    };
}

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

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_authority(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
    (is_domain(host) || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok())
        && port.parse::<u16>().is_ok_and(|p| p > 0)
}

word!(
    /// The name of one STUF: 1 to 40 of `a-z`, `0-9` and inner `-`.
    ///
    /// Safe as a file name, DNS label and part of a bucket name; `render` relies on it.
    Slug,
    "1 to 40 of a-z, 0-9 and inner hyphens",
    |text| is_label(text, 40)
);
word!(
    /// A host name with at least one dot, lower case, without scheme, port or path.
    Domain,
    "a host name such as files.example.org, without scheme, port or path",
    is_domain
);
word!(
    /// An e-mail address of ASCII characters.
    Email,
    "an e-mail address such as ada@example.org",
    is_email
);
word!(
    /// A phone number in E.164: `+` and 7 to 15 digits.
    Phone,
    "a phone number such as +4912345678",
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
    |text| text.len() <= 80_000 && text.chars().count() <= 20_000 && !text.contains('\0')
);
word!(
    /// `scheme://host[:port]` with `https`, or `http`, and nothing after it.
    Origin,
    "an origin such as https://files.example.org, without path",
    |text| text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(is_authority)
);
word!(
    /// An `https` or `http` address with an optional path, of printable ASCII without quotes and spaces.
    Url,
    "an address such as https://example.org/path",
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
    |text| text.len() >= 3 && is_label(text, 63) && !text.contains("--")
);
word!(
    /// Name of a collection: part of object keys and of a realm role.
    CollectionName,
    "1 to 64 of a-z, 0-9 and inner hyphens",
    |text| is_label(text, 64)
);
word!(
    /// Id of a user: names a document in the bucket.
    UserId,
    "1 to 64 of a-z, 0-9 and inner hyphens",
    |text| is_label(text, 64)
);
word!(
    /// Name of a realm role.
    RoleName,
    "a role such as admin, trust-architect or collection-reports",
    |text| is_label(text, 80)
);
word!(
    /// A GitHub user name.
    GithubUser,
    "a GitHub user name: 1 to 39 letters, digits and inner hyphens",
    |text| is_label(&text.to_ascii_lowercase(), 39) && !text.contains("--")
);
word!(
    /// A Unix user name.
    UserName,
    "a user name such as deploy",
    |text| (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        && !text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
);
word!(
    /// Name of a secret: a file name below `secrets/`.
    SecretName,
    "1 to 64 of a-z, 0-9 and _, such as mail_password",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
);
word!(
    /// A host name or an IP address.
    HostAddress,
    "a host name or an IP address",
    |text| is_domain(text) || is_label(text, 63) || text.parse::<std::net::IpAddr>().is_ok()
);
word!(
    /// An SSH public key of a host: type and base64, no comment.
    HostKey,
    "an SSH host key such as `ssh-ed25519 AAAA…`",
    |text| ssh_key::PublicKey::from_openssh(text).is_ok() && text.split(' ').count() == 2
);
word!(
    /// An age recipient, `age1…`.
    AgeRecipient,
    "an age recipient such as age1…",
    |text| text.parse::<age::x25519::Recipient>().is_ok()
);
word!(
    /// A colour, `#rrggbb`.
    Colour,
    "a colour such as #0b5fff",
    |text| text.strip_prefix('#').is_some_and(|hex| is_hex(&hex.to_ascii_lowercase(), 6))
);
word!(
    /// The id of a commit, 40 hexadecimal digits.
    Commit,
    "a commit id of 40 hexadecimal digits",
    |text| is_hex(text, 40)
);
word!(
    /// An image by digest, `name@sha256:…`; a tag is not accepted.
    ImageReference,
    "an image by digest, such as ghcr.io/example/api@sha256:…",
    |text| text.split_once("@sha256:").is_some_and(|(name, digest)| {
        is_hex(digest, 64)
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./:_-".contains(&b))
            && !name.rsplit('/').next().unwrap_or("").contains(':')
    })
);
word!(
    /// A relative path inside the export, of plain segments.
    AttachmentPath,
    "a relative path such as branding/logo.svg",
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
    is_cidr
);

fn is_cidr(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    let Ok(prefix_length) = prefix.parse::<u32>() else {
        return false;
    };
    if prefix.len() > 1 && prefix.starts_with('0') {
        return false;
    }
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) if prefix_length <= 32 => {
            u32::from(v4).checked_shl(prefix_length).unwrap_or(0) == 0
        }
        Ok(std::net::IpAddr::V6(v6)) if prefix_length <= 128 => {
            u128::from(v6).checked_shl(prefix_length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Word for Digest {
    const EXPECTED: &'static str = "a digest such as sha256:… (64 hexadecimal digits)";

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        if !is_hex(digits, 64) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

read_as_word!(Digest);

/// 32 random bytes that the export brings.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Word for Salt {
    const EXPECTED: &'static str = "32 random bytes as 64 hexadecimal digits";

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        (is_hex(text, 64) && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }
}

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub jiff::Timestamp);

impl Timestamp {
    /// Seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.0.as_second()
    }

    /// The moment `duration` later.
    pub fn plus(&self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.seconds()).unwrap_or(i64::MAX);
        let later = self.seconds().saturating_add(seconds);
        Self(jiff::Timestamp::from_second(later).unwrap_or(jiff::Timestamp::MAX))
    }

    /// The date, `2026-11-19`.
    pub fn date(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Word for Timestamp {
    const EXPECTED: &'static str = "a time in UTC such as 2026-11-19T21:04:00Z";

    fn parse(text: &str) -> Option<Self> {
        if text.len() != 20 || !text.ends_with('Z') {
            return None;
        }
        text.parse().ok().map(Self)
    }
}

read_as_word!(Timestamp);

/// A number of bytes, read from `512 MiB`, `40 GB`, `100 B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Size(pub u64);

impl Size {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.0
    }

    /// Whole mebibytes, rounded down.
    pub fn mebibytes(&self) -> u64 {
        self.0 >> 20
    }
}

impl Word for Size {
    const EXPECTED: &'static str = "a size such as 512 MiB or 40 GB";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let factor: u64 = match unit {
            "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return None,
        };
        whole_number(number)?.checked_mul(factor).map(Self)
    }
}

/// A number of bits per second, read from `100 Mbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Bandwidth(pub u64);

impl Word for Bandwidth {
    const EXPECTED: &'static str = "a bandwidth such as 100 Mbit/s";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let factor: u64 = match unit {
            "kbit/s" => 1_000,
            "Mbit/s" => 1_000_000,
            "Gbit/s" => 1_000_000_000,
            _ => return None,
        };
        whole_number(number)?.checked_mul(factor).filter(|b| *b > 0).map(Self)
    }
}

/// A length of time, read from `90 s`, `45 min`, `12 h`, `30 d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Duration(pub u64);

impl Duration {
    /// Seconds.
    pub fn seconds(&self) -> u64 {
        self.0
    }
}

impl Word for Duration {
    const EXPECTED: &'static str = "a duration such as 90 s, 45 min, 12 h or 30 d";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let factor: u64 = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        whole_number(number)?.checked_mul(factor).filter(|s| (1..=315_360_000).contains(s)).map(Self)
    }
}

fn whole_number(text: &str) -> Option<u64> {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// A weekly recurring time in UTC, read from `mon-fri 22:00-06:00` or `sat 08:00-18:00`.
///
/// An end before the start lies on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Days on which it begins, 0 for Monday.
    pub days: Vec<u8>,
    /// Minute of the day at which it begins.
    pub start: u16,
    /// Minute of the day at which it ends.
    pub end: u16,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Window {
    /// Minutes from start to end.
    pub fn minutes(&self) -> u16 {
        if self.end > self.start { self.end - self.start } else { self.end + 1440 - self.start }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = DAYS[usize::from(*self.days.first().unwrap_or(&0)) % 7];
        let last = DAYS[usize::from(*self.days.last().unwrap_or(&0)) % 7];
        let days = if first == last { first.to_owned() } else { format!("{first}-{last}") };
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{days} {}-{} UTC", clock(self.start), clock(self.end))
    }
}

impl Word for Window {
    const EXPECTED: &'static str = "a weekly window in UTC such as mon-fri 22:00-06:00";

    fn parse(text: &str) -> Option<Self> {
        let day = |name: &str| DAYS.iter().position(|d| *d == name);
        let clock = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let valid = hours.len() == 2 && minutes.len() == 2;
            let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
            (valid && hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let (days, times) = text.split_once(' ')?;
        let (from, to) = days.split_once('-').unwrap_or((days, days));
        let (from, to) = (day(from)?, day(to)?);
        let count = (to + 7 - from) % 7;
        let days = (0..=count).map(|n| u8::try_from((from + n) % 7).unwrap_or(0)).collect();
        let (start, end) = times.split_once('-')?;
        let (start, end) = (clock(start)?, clock(end)?);
        (start != end).then_some(Self { days, start, end })
    }
}
