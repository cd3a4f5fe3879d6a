//! JSON lines: an object is an entry.

use serde_json::{Map, Value};

use super::draft::{Draft, Taken, wrong};
use super::found::{Found, Problem, beginning};
use super::line;
use crate::error::LineError;

/// What is shown of an object whose URL cannot be told: any of its values may be a secret.
pub(super) const HIDDEN: &str = "{…}";

/// The entry of an object.
pub(super) fn entry(number: u64, bytes: &[u8], found: &mut Found) -> Result<Draft, Problem> {
    let hidden = |why| Problem {
        text: HIDDEN.to_owned(),
        why,
    };
    let text = line::text(bytes).map_err(hidden)?;
    let mut object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| hidden(LineError::Json(error.column())))?;
    let mut urls = match object.remove("url") {
        Some(Value::String(url)) => vec![url],
        Some(Value::Array(urls)) => strings(urls).ok_or_else(|| hidden(wrong("url", NO_TEXT)))?,
        Some(_) => return Err(hidden(wrong("url", NO_TEXT))),
        None => return Err(hidden(wrong("url", "is missing"))),
    }
    .into_iter();
    let url = urls.next().unwrap_or_default();
    let shown = |why| Problem {
        text: beginning(url.as_bytes()),
        why,
    };
    let mut draft = Draft::new(number, line::url(url.trim()).map_err(shown)?);
    for mirror in urls {
        draft.mirror(mirror.trim()).map_err(shown)?;
    }
    for (name, value) in object {
        let known = name.replace('_', "-");
        match set(&mut draft, &known, value).map_err(shown)? {
            Taken::Yes => {}
            Taken::Unknown => found.unknown(&mut draft, "field", &name),
        }
    }
    Ok(draft)
}

const NO_TEXT: &str = "not a text";

fn set(draft: &mut Draft, name: &str, value: Value) -> Result<Taken, LineError> {
    match (name, value) {
        (_, Value::Null) => Ok(Taken::Yes),
        (_, Value::String(text)) => draft.set(name, &text),
        ("size", Value::Number(size)) => draft.set(name, &size.to_string()),
        ("mirrors", Value::Array(urls)) => {
            let urls = strings(urls).ok_or_else(|| wrong(name, "not a list of texts"))?;
            urls.iter().try_for_each(|url| draft.mirror(url.trim()))?;
            Ok(Taken::Yes)
        }
        ("headers" | "header", Value::Array(fields)) => {
            let fields = strings(fields).ok_or_else(|| wrong(name, "not a list of texts"))?;
            fields.iter().try_for_each(|field| one_header(draft, field))?;
            Ok(Taken::Yes)
        }
        ("headers" | "header", Value::Object(fields)) => {
            for (field, value) in fields {
                let values = match value {
                    Value::Array(values) => strings(values),
                    Value::String(value) => Some(vec![value]),
                    _ => None,
                };
                let values = values.ok_or_else(|| wrong(name, NO_TEXT))?;
                values
                    .iter()
                    .try_for_each(|value| one_header(draft, &format!("{field}: {value}")))?;
            }
            Ok(Taken::Yes)
        }
        // Of the wrong kind for a name that is known; of no interest otherwise.
        (_, _) => match draft.clone().set(name, "") {
            Ok(Taken::Unknown) => Ok(Taken::Unknown),
            _ => Err(wrong(name, NO_TEXT)),
        },
    }
}

/// A line feed would begin a second field.
fn one_header(draft: &mut Draft, field: &str) -> Result<(), LineError> {
    if field.contains(['\n', '\r']) {
        return Err(wrong("headers", "a line break in a header field"));
    }
    draft.set("header", field).map(|_| ())
}

fn strings(values: Vec<Value>) -> Option<Vec<String>> {
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    values.into_iter().map(text).collect()
}
