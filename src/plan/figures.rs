//! Figures as people read them: whole units, never floating point.

/// `5 h 10 min`, `45 s`, `3 d 4 h`: the two largest units.
pub fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let (size, name) = units[first];
    let whole = format!("{} {name}", seconds / size);
    match units.get(first + 1) {
        Some((next, next_name)) if seconds % size >= *next => {
            format!("{whole} {} {next_name}", seconds % size / next)
        }
        _ => whole,
    }
}

/// `212 GB`, `1.5 MB`, `17 B`: decimal units, one digit after the point below ten.
pub fn bytes(bytes: u64) -> String {
    let units: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        None => format!("{bytes} B"),
        Some((size, name)) if bytes / size >= 10 => format!("{} {name}", bytes / size),
        Some((size, name)) => format!("{}.{} {name}", bytes / size, bytes % size / (size / 10)),
    }
}

/// `100 Mbit/s`.
pub fn bandwidth(bits: u64) -> String {
    let units = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s")];
    match units.iter().find(|(size, _)| bits >= *size && bits.is_multiple_of(*size)) {
        Some((size, name)) => format!("{} {name}", bits / size),
        None => format!("{bits} bit/s"),
    }
}

/// `mon 22:00` of a minute of the week.
pub fn minute_of_week(minute: u64) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let minute = minute % 10_080;
    let day = usize::try_from(minute / 1_440).unwrap_or(0);
    format!("{} {:02}:{:02}", DAYS[day % 7], minute % 1_440 / 60, minute % 60)
}

/// `1 user`, `2 users`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
