//! JavaScript data files: JSON that is safe inside `<script>` as well.

use serde::Serialize;

/// A JSON literal that no HTML parser takes for markup and every JavaScript engine reads as the same value.
///
/// U+2028 and U+2029 are line ends in JavaScript before ES2019.
pub fn script_value(value: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// The SPA's runtime configuration, as its pages load it.
pub fn config_script(value: &impl Serialize) -> String {
    format!("window.__STUF_CONFIG__ = {};\n", script_value(value))
}
