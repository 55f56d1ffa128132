//! minijinja, set up once: strict, closed, escaping by the path a document lands at.

use super::{Error, Format, html, markdown};
use crate::embedded;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, State, UndefinedBehavior};
use std::borrow::Cow;
use std::sync::LazyLock;

/// A document to be rendered: a template, and the one value made for it.
#[derive(Clone, Debug)]
pub struct Document {
    /// Path inside the package.
    pub path: String,
    /// Path below `templates/`.
    pub template: &'static str,
    /// Whether it holds personal data.
    pub personal: bool,
    /// What the template reads; made by `minijinja::Value::from_serialize`.
    pub context: Value,
}

/// The template engine. A template is compiled once in a process, by whoever needs it first.
#[derive(Debug)]
pub struct Engine {
    environment: &'static Environment<'static>,
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine that knows the embedded templates, refuses undefined values and unknown formats, and has no `safe`.
    pub fn new() -> Self {
        Self { environment: &ENVIRONMENT }
    }

    /// Compiles these templates, so that [`Engine::render`] need not; one that is wrong is told there.
    pub(super) fn compile(&self, templates: impl IntoIterator<Item = &'static str>) {
        for template in templates {
            let _ = self.environment.get_template(template);
        }
    }

    /// Renders one document.
    ///
    /// # Errors
    ///
    /// A template that is missing, wrong or asks for what is not there; a format without an escape.
    pub fn render(&self, document: &Document) -> Result<String, Error> {
        Format::of(&document.path)?;
        let failed = |error: minijinja::Error| Error::Template {
            template: document.template.to_owned(),
            reason: error.to_string(),
        };
        self.environment
            .get_template(document.template)
            .and_then(|template| template.render(document.context.clone()))
            .map_err(failed)
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(50);
    environment.set_syntax(whole_lines());
    for filter in ["safe", "escape", "e", "tojson", "urlencode"] {
        environment.remove_filter(filter);
    }
    environment.add_filter("code", code);
    environment.add_filter("fenced", fenced);
    environment.add_function("asset", asset);
    environment.add_function("pinned", pinned);
    environment.set_auto_escape_callback(|name| match Format::of(name) {
        Ok(format) => AutoEscape::Custom(Cow::Borrowed(format.name())),
        Err(_) => AutoEscape::Custom(Cow::Borrowed("unknown")),
    });
    environment.set_formatter(|out, state, value| {
        let format = format_of(state)?;
        if value.is_undefined() {
            return Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError));
        }
        match value.as_str() {
            Some(text) if value.is_safe() => out.write_str(text)?,
            Some(text) => format.write(out, text)?,
            None => format.write(out, &value.to_string())?,
        }
        Ok(())
    });
    environment.set_loader(|name| Ok(embedded::template(name).map(str::to_owned)));
    environment
}

/// A line that holds a tag and nothing else leaves nothing behind, so that templates can be laid out for people.
fn whole_lines() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    // Only delimiters can be wrong, and these are the default ones.
    syntax.build().unwrap_or_default()
}

/// The format that is written just now.
fn format_of(state: &State<'_, '_>) -> Result<Format, minijinja::Error> {
    let format = match state.auto_escape() {
        AutoEscape::Custom(name) => Format::named(name),
        _ => None,
    };
    format.ok_or_else(|| minijinja::Error::new(minijinja::ErrorKind::BadEscape, "this format has no escape"))
}

/// What people type, in the way of the format that is written.
fn code(state: &State<'_, '_>, value: String) -> Result<Value, minijinja::Error> {
    match format_of(state)? {
        Format::Markdown => Ok(Value::from_safe_string(markdown::code(&value))),
        Format::Html => Ok(Value::from_safe_string(html::code(&super::visible(&value)))),
        Format::Text => {
            let why = "plain text has no code";
            Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why))
        }
    }
}

/// Text inside a fenced code block of Markdown, where nothing is escaped: it may not end its line, and so not the block
/// either.
fn fenced(state: &State<'_, '_>, value: String) -> Result<Value, minijinja::Error> {
    if format_of(state)? != Format::Markdown {
        let why = "only Markdown has fenced code blocks";
        return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why));
    }
    in_a_block(value)
}

fn in_a_block(value: String) -> Result<Value, minijinja::Error> {
    if value.contains(|c: char| c.is_control() || c == '`') {
        let why = "this text cannot stand in a code block";
        return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why));
    }
    Ok(Value::from_safe_string(value))
}

/// A style sheet or script of the pages, as it is: it holds no value, so nothing in it is looked at.
fn asset(path: String) -> Result<Value, minijinja::Error> {
    let file = page_asset(&path)?;
    Ok(Value::from_safe_string(String::from_utf8_lossy(file.bytes).into_owned()))
}

/// What a page's policy calls that file: its digest, known since the build.
fn pinned(path: String) -> Result<String, minijinja::Error> {
    Ok(format!("sha256-{}", STANDARD.encode(page_asset(&path)?.sha256)))
}

/// The style sheet or script at `path`; nothing else may stand in a page unescaped.
fn page_asset(path: &str) -> Result<&'static embedded::Embedded, minijinja::Error> {
    let known = path.starts_with("page/") && (path.ends_with(".css.jinja") || path.ends_with(".js.jinja"));
    let unknown =
        || minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "not an asset of the pages");
    embedded::template_file(path).filter(|_| known).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::{asset, in_a_block, pinned};

    #[test]
    fn only_style_sheets_and_scripts_of_the_pages_stand_there_as_they_are() {
        for path in
            ["page/base.html.jinja", "README.md.jinja", "page/missing.css.jinja", "../page/style.css.jinja"]
        {
            assert!(asset(path.to_owned()).is_err() && pinned(path.to_owned()).is_err(), "{path}");
        }
        let style = asset("page/style.css.jinja".to_owned()).expect("the style sheet");
        assert!(style.is_safe() && !style.to_string().contains('<'), "nothing in it ends its element");
        let script = asset("page/filter.js.jinja".to_owned()).expect("the script");
        assert!(
            !script.to_string().contains("</") && !script.to_string().contains("<!--"),
            "nothing ends its element"
        );
    }

    #[test]
    fn a_text_that_could_end_its_code_block_is_refused() {
        for text in ["a\n```", "```", "a\rb", "\u{85}"] {
            assert!(in_a_block(text.to_owned()).is_err(), "{text:?}");
        }
        let kept =
            in_a_block("ssh -p 22 a_b@192.0.2.1 'x*y'".to_owned()).expect("one line without backticks");
        assert_eq!(kept.as_str(), Some("ssh -p 22 a_b@192.0.2.1 'x*y'"));
    }
}
