//! One definition per record: struct, keys, defaults, schema and walk.

use super::walk::Definitions;
use serde_json::json;

/// `api_memory` as it stands in documents: `apiMemory`.
pub fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.extend(c.to_uppercase());
        } else {
            camel.push(c);
        }
    }
    camel
}

/// Declares a record: struct, keys, defaults, schema and walk.
///
/// `field: Type` is required unless the type itself can be absent (`Option`), `field: Type = value` has a default,
/// written as JSON; a default of `{}` lets every field of the record below take its own.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty $(= $default:tt)? ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type ),+
        }

        impl $name {
            /// Keys of its fields, in their order.
            fn keys() -> Vec<String> {
                $crate::model::record::keys(&[$( stringify!($field) ),+])
            }

            /// Its keys as they stand in documents.
            fn known() -> Vec<String> {
                $crate::model::record::known(&[
                    $( (stringify!($field), <$type as $crate::model::walk::Shape>::parts()) ),+
                ])
            }
        }

        impl $crate::model::walk::Shape for $name {
            fn walk(node: &$crate::model::tree::Node, walk: &mut $crate::model::walk::Walk<'_>) -> Self {
                static KEYS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new($name::keys);
                static KNOWN: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new($name::known);
                if !matches!(node.value, $crate::model::tree::Value::Map(_)) {
                    return walk.fail(
                        node,
                        &$crate::model::codes::VALUE_TYPE,
                        format!("a mapping is expected here, not {}", node.kind()),
                        &Self::expected(),
                    );
                }
                walk.unknown_keys(node, &KNOWN);
                let mut keys = KEYS.iter();
                $(
                    let $field = walk.field(
                        node,
                        keys.next().map_or("", String::as_str),
                        concat!($( $field_doc ),+).trim(),
                        record!(@default $($default)?),
                    );
                )+
                Self { $( $field ),+ }
            }

            fn expected() -> String {
                format!("a mapping with the keys {}", Self::known().join(", "))
            }

            fn placeholder() -> Self {
                Self { $( $field: $crate::model::walk::Shape::placeholder() ),+ }
            }

            fn schema(definitions: &mut $crate::model::walk::Definitions) -> serde_json::Value {
                $crate::model::record::define(stringify!($name), concat!($( $doc ),+), definitions, |definitions| vec![
                    $( $crate::model::record::Property {
                        name: stringify!($field),
                        doc: concat!($( $field_doc ),+),
                        parts: <$type as $crate::model::walk::Shape>::parts(),
                        schema: <$type as $crate::model::walk::Shape>::schema(definitions),
                        default: record!(@default $($default)?),
                        required: record!(@required $($default)?)
                            && <$type as $crate::model::walk::Shape>::absent().is_none(),
                    } ),+
                ])
            }
        }
    };
    (@default) => { None };
    (@default $default:tt) => { Some(serde_json::json!($default)) };
    (@required) => { true };
    (@required $default:tt) => { false };
}
pub(crate) use record;

/// Keys of a record as they stand in documents.
pub fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| camel(name)).collect()
}

/// Keys of a record as they stand in documents, where some of its fields stand there by several keys.
pub fn known(fields: &[(&str, &[&str])]) -> Vec<String> {
    let keys = |(name, parts): &(&str, &[&str])| match parts {
        [] => vec![camel(name)],
        parts => parts.iter().map(|key| (*key).to_owned()).collect(),
    };
    fields.iter().flat_map(keys).collect()
}

/// One property of a record's JSON Schema.
#[derive(Debug)]
pub struct Property {
    /// Name of the field.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// The keys by which it stands in the record itself, where it does.
    pub parts: &'static [&'static str],
    /// The schema of its type; of several keys that of a mapping which has them.
    pub schema: serde_json::Value,
    /// Its default.
    pub default: Option<serde_json::Value>,
    /// Whether it must be there.
    pub required: bool,
}

/// Adds a record to the definitions, once, and returns the reference to it.
pub fn define(
    name: &str,
    doc: &str,
    definitions: &mut Definitions,
    properties: impl FnOnce(&mut Definitions) -> Vec<Property>,
) -> serde_json::Value {
    if !definitions.contains_key(name) {
        definitions.insert(name.to_owned(), json!({}));
        let properties = properties(definitions);
        let is_whole = |property: &&Property| property.parts.is_empty();
        let needed = properties.iter().filter(is_whole).filter(|property| property.required);
        let required: Vec<String> = needed.map(|property| camel(property.name)).collect();
        let mut rules = Vec::new();
        let described: serde_json::Map<String, serde_json::Value> = properties
            .into_iter()
            .flat_map(|property| {
                if let Some(several) =
                    property.schema.get("properties").filter(|_| !property.parts.is_empty())
                {
                    rules.extend(property.schema["allOf"].as_array().into_iter().flatten().cloned());
                    return several.as_object().cloned().unwrap_or_default();
                }
                let mut schema = property.schema;
                let meaning = property.doc.trim().to_owned();
                // The field's own words first, then what its type asks for.
                let description = match schema.get("description").and_then(|d| d.as_str()) {
                    Some(shape) => format!("{meaning}\nExpected: {shape}."),
                    None => meaning,
                };
                schema["description"] = description.into();
                if let Some(default) = property.default {
                    schema["default"] = default;
                }
                serde_json::Map::from_iter([(camel(property.name), schema)])
            })
            .collect();
        let mut schema = json!({
            "type": "object",
            "description": doc.trim(),
            "properties": described,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if !rules.is_empty() {
            schema["allOf"] = rules.into();
        }
        definitions.insert(name.to_owned(), schema);
    }
    json!({"$ref": format!("#/$defs/{name}")})
}
