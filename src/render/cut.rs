//! Long values, cut so that a difference stays in sight.

/// What was and what is, each as far as `longest` characters let it be shown.
///
/// Both begin where they begin; where what is shown of them would be the same, shortly before the first character in which they
/// differ. `…` stands where something is left out.
pub(crate) fn cut(old: Option<&str>, new: Option<&str>, longest: usize) -> (Option<String>, Option<String>) {
    let same = match (old, new) {
        (Some(old), Some(new)) => old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count(),
        _ => 0,
    };
    // Of what follows the difference enough has to be seen to tell what it is.
    let start = if same + longest / 4 > longest { same - longest / 4 } else { 0 };
    let part = |text: &str| window(text, start, longest);
    (old.map(part), new.map(part))
}

fn window(text: &str, start: usize, longest: usize) -> String {
    let mut rest = text.chars().skip(start);
    let shown: String = rest.by_ref().take(longest).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if rest.next().is_some() { "…" } else { "" };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::cut;

    fn both(old: &str, new: &str) -> (String, String) {
        let (old, new) = cut(Some(old), Some(new), 8);
        (old.unwrap(), new.unwrap())
    }

    #[test]
    fn what_differs_is_shown_however_far_behind_it_stands() {
        assert_eq!(both("short", "shorter"), ("short".into(), "shorter".into()));
        assert_eq!(both("a long text", "another long one"), ("a long t…".into(), "another …".into()));
        assert_eq!(both("0123456789abc", "0123456789abd"), ("…abc".into(), "…abd".into()));
        assert_eq!(both("0123456789", "0123456789 and more"), ("…89".into(), "…89 and m…".into()));
    }

    #[test]
    fn one_alone_begins_where_it_begins() {
        assert_eq!(cut(None, Some("0123456789"), 8), (None, Some("01234567…".to_owned())));
        assert_eq!(cut(Some("0123"), None, 8), (Some("0123".to_owned()), None));
    }
}
