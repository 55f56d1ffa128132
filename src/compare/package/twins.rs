//! One value that stands in several files is one difference.

use crate::compare::facts::Value;
use crate::compare::report::Difference;
use serde_json::Value as Json;
use std::collections::HashMap;

/// The files of which a difference is told first, the nearest to their source before the others.
const ORDER: [&str; 4] = ["configuration/", "content/", "infrastructure/ansible/", "infrastructure/"];
/// Texts of so many characters are no coincidence; of shorter ones the keys have to be akin.
const TELLING: usize = 8;
/// Letters and digits at the end of two keys that make them akin.
const AKIN: usize = 4;

/// The file that a path of a package begins with.
pub(super) fn file(path: &str) -> &str {
    path.split_once(": ").map_or(path, |(file, _)| file)
}

/// Puts differences that say the same in another file to the first of them.
pub(super) fn fold(differences: &mut Vec<Difference>) {
    let rank = |path: &str| ORDER.iter().position(|begin| path.starts_with(begin)).unwrap_or(ORDER.len());
    differences.sort_by(|a, b| rank(&a.path).cmp(&rank(&b.path)).then_with(|| a.path.cmp(&b.path)));
    let mut kept: Vec<Difference> = Vec::with_capacity(differences.len());
    let mut places: HashMap<(Option<String>, Option<String>), Vec<usize>> = HashMap::new();
    for difference in differences.drain(..) {
        let Some(says) = says(&difference) else {
            kept.push(difference);
            continue;
        };
        let same = places.entry(says).or_default();
        match same.iter().copied().find(|first| are_twins(&kept[*first], &difference)) {
            Some(first) => {
                kept[first].class = kept[first].class.max(difference.class);
                kept[first].also.push(difference.path);
            }
            None => {
                same.push(kept.len());
                kept.push(difference);
            }
        }
    }
    *differences = kept;
}

/// What a difference says before and after, as text; switches say the same too often, and things are told whole.
fn says(difference: &Difference) -> Option<(Option<String>, Option<String>)> {
    let text = |value: &Option<Value>| match value {
        None => Some(None),
        Some(Value::Plain(Json::String(text))) => Some(Some(text.clone())),
        Some(Value::Plain(Json::Number(number))) => Some(Some(number.to_string())),
        Some(_) => None,
    };
    Some((text(&difference.old)?, text(&difference.new)?))
}

/// Whether two differences that say the same are of one value.
fn are_twins(first: &Difference, other: &Difference) -> bool {
    let mut told = std::iter::once(&first.path).chain(&first.also);
    first.change == other.change
        && first.personal == other.personal
        && told.all(|path| file(path) != file(&other.path))
        && (is_telling(first) && is_telling(other) || are_akin(&first.path, &other.path))
}

/// Whether a difference is of a text that hardly stands anywhere by coincidence; no figure is.
fn is_telling(difference: &Difference) -> bool {
    [&difference.old, &difference.new]
        .into_iter()
        .flatten()
        .any(|value| matches!(value, Value::Plain(Json::String(text)) if text.chars().count() >= TELLING))
}

/// Whether two keys end alike, such as `proxy_http_port` and `STUF_HTTP_PORT`.
fn are_akin(one: &str, other: &str) -> bool {
    let letters = |path: &str| -> Vec<char> {
        let key = path.rsplit([':', '.', '[', ' ']).next().unwrap_or(path);
        key.to_lowercase().chars().filter(|character| character.is_alphanumeric()).rev().collect()
    };
    let (one, other) = (letters(one), letters(other));
    one.iter().zip(&other).take_while(|(a, b)| a == b).count() >= AKIN.min(one.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_alike_are_akin() {
        let env = "infrastructure/compose/.env: ";
        assert!(are_akin("all.yml: proxy_http_port", &format!("{env}STUF_HTTP_PORT")));
        assert!(are_akin("content/summary.json: objects", "all.yml: content_objects"));
        assert!(!are_akin("content/summary.json: windows_needed", "all.yml: stuf_user_count"));
        assert!(!are_akin("all.yml: proxy_tls_mode", &format!("{env}STUF_DOMAIN")));
    }
}
