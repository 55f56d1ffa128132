//! Digests, times, sizes, durations and windows.

use super::Word;
use super::words::{is_hex, read_as_word};
use serde::{Serialize, Serializer};
use std::fmt;

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
        // Written at once: the library's own way to a text, digit by digit, takes four times as long.
        let mut digits = vec![0; 64];
        let written = hex::encode_to_slice(self.0, &mut digits);
        match String::from_utf8(digits) {
            Ok(text) if written.is_ok() => text,
            _ => hex::encode(self.0),
        }
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
    const EXAMPLE: &'static str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

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
    const EXAMPLE: &'static str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const HIDDEN: bool = true;

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
    const EXAMPLE: &'static str = "2026-11-19T21:04:00Z";

    fn parse(text: &str) -> Option<Self> {
        if text.len() != 20 || !text.ends_with('Z') {
            return None;
        }
        text.parse().ok().map(Self)
    }
}

read_as_word!(Timestamp);

/// A number of bytes above zero, read from `512 MiB`, `40 GB`, `100 B`.
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
    const EXAMPLE: &'static str = "512 MiB";

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
        whole_number(number)?.checked_mul(factor).filter(|bytes| *bytes > 0).map(Self)
    }
}

/// A number of bits per second, read from `100 Mbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Bandwidth(pub u64);

impl Word for Bandwidth {
    const EXPECTED: &'static str = "a bandwidth such as 100 Mbit/s";
    const EXAMPLE: &'static str = "100 Mbit/s";

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

/// A bandwidth at a weekly recurring time in UTC, read from `mon-fri 08:00-18:00 20 Mbit/s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedBandwidth {
    /// When it holds.
    pub window: Window,
    /// What may be used then.
    pub bandwidth: Bandwidth,
}

impl Word for TimedBandwidth {
    const EXPECTED: &'static str =
        "a weekly time in UTC and a bandwidth such as mon-fri 08:00-18:00 20 Mbit/s";
    const EXAMPLE: &'static str = "mon-fri 08:00-18:00 20 Mbit/s";

    fn parse(text: &str) -> Option<Self> {
        let (days, rest) = text.split_once(' ')?;
        let (times, bandwidth) = rest.split_once(' ')?;
        let window = Window::parse(&format!("{days} {times}"))?;
        Some(Self { window, bandwidth: Bandwidth::parse(bandwidth)? })
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
    const EXAMPLE: &'static str = "30 d";

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

    /// Where it stands in a week: of each day its first minute, 0 for Monday midnight UTC, and its length in minutes.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        self.days
            .iter()
            .map(|day| (u64::from(*day) * 1440 + u64::from(self.start), u64::from(self.minutes())))
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
    const EXAMPLE: &'static str = "mon-fri 22:00-06:00";

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
