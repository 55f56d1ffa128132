//! Holds a JSON document to the part of JSON Schema that our schemas use; any other keyword is a failure, not a pass.

use serde_json::Value;

/// What is wrong with `value`.
pub fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Value::Object(keywords) = schema else {
        assert_eq!(schema, &Value::Bool(true), "{at}: a schema is an object or true");
        return;
    };
    let holds = |schema: &Value| {
        let mut problems = Vec::new();
        check(root, schema, value, at, &mut problems);
        problems.is_empty()
    };
    let list = |schemas: &Value| schemas.as_array().cloned().unwrap_or_default();
    for (keyword, rule) in keywords {
        let right = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" | "format" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap_or_default().trim_start_matches('#');
                check(root, root.pointer(pointer).expect("a definition"), value, at, found);
                true
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "enum" => list(rule).contains(value),
            "const" => rule == value,
            "anyOf" => list(rule).iter().any(&holds),
            "oneOf" => list(rule).iter().filter(|schema| holds(schema)).count() == 1,
            "minimum" => {
                value.as_f64().is_none_or(|number| rule.as_f64().is_some_and(|least| number >= least))
            }
            "maximum" => value.as_f64().is_none_or(|number| rule.as_f64().is_some_and(|most| number <= most)),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap_or(0))
            }
            "maxItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap_or(u64::MAX))
            }
            "items" | "prefixItems" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    let schema = if keyword == "items" { Some(rule) } else { rule.get(index) };
                    check(root, schema.unwrap_or(&Value::Bool(true)), item, &format!("{at}[{index}]"), found);
                }
                true
            }
            "required" => value.as_object().is_none_or(|map| {
                list(rule).iter().all(|key| key.as_str().is_some_and(|key| map.contains_key(key)))
            }),
            "properties" => {
                for (key, schema) in rule.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(key) {
                        check(root, schema, value, &format!("{at}.{key}"), found);
                    }
                }
                true
            }
            "additionalProperties" if rule == &Value::Bool(false) => {
                let known = schema.get("properties").and_then(Value::as_object);
                value.as_object().is_none_or(|map| {
                    map.keys().all(|key| known.is_some_and(|known| known.contains_key(key)))
                })
            }
            other => panic!("{at}: the keyword {other} is not known here"),
        };
        if !right {
            found.push(format!("{at}: {keyword}"));
        }
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}
