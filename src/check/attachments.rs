//! Branding files: there, of the type their names say, and without anything that acts or calls outside.

use super::notes::{In, Notes};
use crate::model::tree::steps;
use crate::model::{AttachmentPath, Export, codes};

/// Bytes of a branding file that pages may load.
const LARGEST: usize = 1 << 20;

pub(super) fn check(notes: &mut Notes<'_>, export: &Export) {
    let branding = &export.branding;
    let named = [("logo", &branding.logo), ("customCss", &branding.custom_css)];
    for (key, file) in named {
        if let Some(file) = file {
            one(notes, key, file);
        }
    }
    for name in notes.source.attachments.keys().filter(|name| name.starts_with("branding/")) {
        if !named.iter().any(|(_, file)| file.as_ref().is_some_and(|file| file.as_str() == name)) {
            notes.tell_file(
                &codes::ATTACHMENT_UNUSED,
                name,
                "no setting names this file",
                "a file named by spec.branding",
            );
        }
    }
}

fn one(notes: &mut Notes<'_>, key: &'static str, file: &AttachmentPath) {
    let at = steps!["spec", "branding", key];
    let name = file.as_str();
    let Some(bytes) = notes.source.attachments.get(name) else {
        notes.tell(
            &codes::ATTACHMENT_MISSING,
            In::Export,
            at,
            "this file is not in the export",
            "a file below branding/",
        );
        return;
    };
    if bytes.len() > LARGEST {
        let message = format!("the file has {} bytes", bytes.len());
        notes.tell_file(&codes::ATTACHMENT_LARGE, name, message, format!("at most {LARGEST} bytes"));
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let fits = match (key, extension) {
        ("customCss", "css") | ("logo", "svg") => {
            std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
        }
        ("logo", "png") => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        ("logo", "jpg" | "jpeg") => bytes.starts_with(b"\xff\xd8\xff"),
        ("logo", "webp") => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        _ => {
            let expected = if key == "logo" { "a .svg, .png, .jpg or .webp file" } else { "a .css file" };
            let message = format!("a file of this type cannot be the {key}");
            notes.tell(&codes::ATTACHMENT_TYPE, In::Export, at, message, expected);
            return;
        }
    };
    let svg = extension == "svg" && !String::from_utf8_lossy(bytes).contains("<svg");
    if !fits || svg {
        let message = format!("the content is not {extension}");
        notes.tell_file(&codes::ATTACHMENT_TYPE, name, message, format!("a {extension} file"));
        return;
    }
    match extension {
        "svg" => active(notes, name, bytes),
        "css" => outside(notes, name, bytes),
        _ => {}
    }
}

/// An SVG is shown as an image, which runs no scripts; opened by itself it would.
fn active(notes: &mut Notes<'_>, name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let handlers = |tag: &str| {
        tag.split_whitespace().skip(1).any(|attribute| {
            attribute.starts_with("on")
                && attribute
                    .split('=')
                    .next()
                    .is_some_and(|name| name.len() > 2 && name.bytes().all(|b| b.is_ascii_lowercase()))
        })
    };
    let link = |tag: &str| {
        ["href=", "src="].iter().any(|attribute| {
            tag.split(attribute).skip(1).any(|value| {
                let value = value.trim_start_matches(['"', '\'', ' ']);
                !(value.starts_with('#') || value.starts_with("data:image/"))
            })
        })
    };
    for (row, line) in text.lines().enumerate() {
        let what = if ["<script", "<foreignobject", "<iframe", "<!entity", "javascript:", "<?xml-stylesheet"]
            .iter()
            .any(|word| line.contains(word))
        {
            "this could run a script or load something"
        } else if line.split('<').any(handlers) {
            "an event handler stands here"
        } else if line.split('<').any(link) {
            "a link to the outside stands here"
        } else {
            continue;
        };
        tell_line(notes, &codes::ATTACHMENT_ACTIVE, name, row, what, "shapes, text and styles alone");
    }
}

/// A style sheet that loads from outside tells others who looks at the pages.
fn outside(notes: &mut Notes<'_>, name: &str, bytes: &[u8]) {
    let text = without_comments(&String::from_utf8_lossy(bytes).to_lowercase());
    for (row, line) in text.lines().enumerate() {
        let import = line.contains("@import");
        // A backslash could write `url(` in another way.
        let escape = line.contains('\\') && !line.contains("content:");
        let url = line.split("url(").skip(1).any(|target| {
            let target = target.trim_start_matches([' ', '"', '\'']);
            !(target.starts_with("data:") || target.starts_with('#'))
        });
        let what = match (import, url, escape) {
            (true, ..) => "@import stands here",
            (_, true, _) => "url() leads to the outside",
            (_, _, true) => "an escape stands here, which could hide an address",
            _ => continue,
        };
        tell_line(notes, &codes::CSS_OUTSIDE, name, row, what, "styles alone, with data: addresses at most");
    }
}

/// Comments become spaces, lines stay where they are.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        let (inside, after) = comment.split_once("*/").unwrap_or((comment, ""));
        plain.extend(inside.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn tell_line(
    notes: &mut Notes<'_>,
    code: &'static codes::CodeInfo,
    name: &str,
    row: usize,
    message: &str,
    expected: &str,
) {
    notes.tell_file(code, name, message, expected);
    if let Some(finding) = notes.findings.last_mut() {
        finding.at.line = u32::try_from(row + 1).unwrap_or(0);
    }
}
