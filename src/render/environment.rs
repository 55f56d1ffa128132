//! Docker Compose's `.env` format.

/// Writes `.env` lines that Compose reads back as exactly these values.
///
/// Values stand in double quotes: Compose keeps a backslash before `'` in single quotes, so single quotes cannot hold
/// every text. In double quotes it undoes `\\`, `\"`, `\$`, `\n`, `\r` and `\t` (compose-go, `dotenv/parser.go`).
pub fn dotenv<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut out = String::from(
        "# Read by Compose. The values are this installation's; compose.yaml is the same for everyone.\n",
    );
    for (name, value) in values {
        out.push_str(name);
        out.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '$' => out.push_str("\\$"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                other => out.push(other),
            }
        }
        out.push_str("\"\n");
    }
    out
}
