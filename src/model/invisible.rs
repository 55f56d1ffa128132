//! Characters that a reader does not see.

/// Whether a reader does not see it, or sees only what it does to others.
///
/// Control characters, a space that does not break its line, whatever Unicode lets a program leave out where it cannot show it
/// (`Default_Ignorable_Code_Point`: direction marks, joiners, variation selectors, tags, Hangul's fillers), separators of lines,
/// marks of annotations, and the braille pattern without dots.
#[inline]
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00A0}' | '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::is_invisible;

    #[test]
    fn letters_that_nobody_sees_are_no_letters() {
        for hidden in
            "\u{e0041}\u{3164}\u{115f}\u{fe0f}\u{34f}\u{ad}\u{61c}\u{2800}\u{ffa0}\u{e0100}\n".chars()
        {
            assert!(is_invisible(hidden), "{hidden:?}");
        }
        for seen in "a é 漢 한 ש ا ก 🙂 ⠁ — \u{3000}".chars() {
            assert!(!is_invisible(seen), "{seen:?}");
        }
    }
}
