//! What Terraform is told to be secret, read where it keeps that in clear: its state and its plans, as `sensitive.py` of a package reads
//! them. Only texts are told, and only those that no word or name of a region is as long as.

use super::Error;
use serde_json::{Map, Value};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

static NULL: Value = Value::Null;
/// Shorter texts stand in logs for reasons of their own.
pub(super) const SHORTEST: usize = 12;

/// Every text that a state folder's Terraform marks as sensitive.
///
/// # Errors
///
/// A file that is not understood: nothing would find what it holds.
pub(super) fn known(state: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let terraform = state.join("terraform");
    let mut states = named(&terraform, |name| name.starts_with("terraform.tfstate"))?;
    states.extend(named(&terraform.join("archive"), |name| name.ends_with(".tfstate"))?);
    states.extend(named(&terraform.join("code"), |name| name == "errored.tfstate")?);
    for path in states {
        read(&path, of_state, &mut found)?;
    }
    for package in named(&state.join("packages"), |_| true)? {
        for path in named(&package.join("terraform"), |name| name == "plan.json")? {
            read(&path, of_plan, &mut found)?;
        }
    }
    Ok(found)
}

/// What stands in a folder under such names, in their order; nothing where there is no folder.
fn named(folder: &Path, is_one: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::io(folder.display().to_string(), source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(why) => return Err(failed(why)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(&is_one) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Reads one file; an empty one, which Terraform makes before it writes the first state, marks nothing.
fn read(
    path: &Path,
    of: fn(&Value, &mut Vec<String>) -> Option<()>,
    found: &mut Vec<String>,
) -> Result<(), Error> {
    let failed = |source| Error::io(path.display().to_string(), source);
    let content = fs::read(path).map_err(failed)?;
    if content.trim_ascii().is_empty() {
        return Ok(());
    }
    let document = serde_json::from_slice(&content).ok();
    document.and_then(|document| of(&document, found)).ok_or_else(|| {
        failed(io::Error::other("it is not of the form in which Terraform tells what is sensitive"))
    })
}

/// A state as Terraform keeps it: each object lists the ways to what is sensitive in it.
fn of_state(state: &Value, found: &mut Vec<String>) -> Option<()> {
    state.as_object()?;
    of_outputs(member(state, "outputs")?, found)?;
    for resource in list(member(state, "resources")?)? {
        for one in resource.get("instances")?.as_array()? {
            for way in list(member(one, "sensitive_attributes")?)? {
                texts(at(one.get("attributes")?, way.as_array()?)?, found);
            }
        }
    }
    Some(())
}

/// A plan as `terraform show -json` tells it: what is there before, what is there after, and what it was given.
fn of_plan(plan: &Value, found: &mut Vec<String>) -> Option<()> {
    plan.as_object()?;
    for values in [member(plan, "planned_values")?, member(member(plan, "prior_state")?, "values")?] {
        of_outputs(member(values, "outputs")?, found)?;
        of_module(member(values, "root_module")?, found)?;
    }
    let declared = member(member(plan, "configuration")?, "root_module")?;
    let given = member(plan, "variables")?;
    for (name, variable) in object(member(declared, "variables")?)?.into_iter().flatten() {
        if is_so(member(variable, "sensitive")?) {
            let given = given.get(name).unwrap_or(variable);
            texts(given.get("value").or_else(|| variable.get("default")).unwrap_or(&NULL), found);
        }
    }
    Some(())
}

fn of_outputs(outputs: &Value, found: &mut Vec<String>) -> Option<()> {
    for output in object(outputs)?.into_iter().flat_map(Map::values) {
        if is_so(member(output, "sensitive")?) {
            texts(member(output, "value")?, found);
        }
    }
    Some(())
}

fn of_module(module: &Value, found: &mut Vec<String>) -> Option<()> {
    for resource in list(member(module, "resources")?)? {
        marked(member(resource, "values")?, member(resource, "sensitive_values")?, found);
    }
    for inner in list(member(module, "child_modules")?)? {
        of_module(inner, found)?;
    }
    Some(())
}

/// Texts of a value where its marks, which are of its shape, say so.
fn marked(value: &Value, marks: &Value, found: &mut Vec<String>) {
    match (marks, value) {
        (Value::Object(marks), Value::Object(values)) => {
            for (key, mark) in marks {
                marked(values.get(key).unwrap_or(&NULL), mark, found);
            }
        }
        (Value::Array(marks), Value::Array(values)) if marks.len() == values.len() => {
            for (value, mark) in values.iter().zip(marks) {
                marked(value, mark, found);
            }
        }
        _ if is_so(marks) => texts(value, found),
        _ => {}
    }
}

/// What a way leads to; where it goes no further, as in a set, whose elements have no place, all that it reaches.
fn at<'a>(mut value: &'a Value, way: &[Value]) -> Option<&'a Value> {
    for step in way {
        let key = step.get("value")?;
        let key = if step.get("type")? == "index" { key.get("value")? } else { key };
        if let (Some(typed), true) = (value.as_object(), value.get("type").is_some_and(Value::is_array))
            && typed.len() == 2
            && let Some(inner) = typed.get("value")
        {
            // Of any type, which stands beside it.
            value = inner;
        }
        value = match (value, key) {
            (Value::Object(fields), Value::String(name)) if fields.contains_key(name) => fields.get(name)?,
            (Value::Array(items), Value::Number(place)) => {
                items.get(usize::try_from(place.as_u64()?).ok()?)?
            }
            _ => return Some(value),
        };
    }
    Some(value)
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// A field of an object, null where it has none or is null itself; nothing where it is no object.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    match object {
        Value::Object(fields) => Some(fields.get(name).unwrap_or(&NULL)),
        Value::Null => Some(&NULL),
        _ => None,
    }
}

/// A list, empty where there is none.
fn list(value: &Value) -> Option<&[Value]> {
    if value.is_null() { Some(&[]) } else { value.as_array().map(Vec::as_slice) }
}

/// An object, or that there is none; nothing where it is something else.
fn object(value: &Value) -> Option<Option<&Map<String, Value>>> {
    if value.is_null() { Some(None) } else { value.as_object().map(Some) }
}

/// Whether a mark says so.
fn is_so(mark: &Value) -> bool {
    match mark {
        Value::Null => false,
        Value::Bool(so) => *so,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}
