//! Arguments of functions in addresses: `name='x',count=2` (OData 4.01 ABNF, functionParameters).

use std::borrow::Cow;

use crate::edm::enums::{self, FlagSyntax};
use crate::edm::primitive::{LongNumbers, Primitive};
use crate::edm::schema::{ItemType, Model, OperationType, PropertyType};
use crate::edm::value::Value;
use crate::policy::behavior::{EmptyFlags, FlagLists};
use crate::text::json::{self, Json};

/// Splits the text in parentheses into names and literals; `None` if it is malformed. Commas and equals signs in quotes, brackets and
/// braces belong to literals.
pub(crate) fn split(text: &str) -> Option<Vec<(&str, &str)>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let (mut pieces, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0_usize, false);
    for (index, character) in text.char_indices() {
        match character {
            // A doubled quote ends the literal and begins it again.
            '\'' => is_quoted = !is_quoted,
            '[' | '{' if !is_quoted => depth += 1,
            ']' | '}' if !is_quoted => depth = depth.checked_sub(1)?,
            ',' if !is_quoted && depth == 0 => {
                pieces.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    if is_quoted || depth > 0 {
        return None;
    }
    pieces.into_iter().map(|piece| piece.split_once('=').map(|(name, literal)| (name.trim(), literal.trim()))).collect()
}

/// The reason why a literal is not a value of a parameter's type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LiteralProblem {
    /// The literal has another type: the name of it.
    Type(&'static str),
    /// The literal is malformed.
    Malformed,
}

/// Reads a literal as a value of a type.
///
/// # Errors
///
/// Fails if the literal is malformed, or has another type.
pub(crate) fn read(model: &Model, kind: OperationType, literal: &str) -> Result<Value, LiteralProblem> {
    match kind {
        _ if literal == "null" => Ok(Value::Null),
        OperationType::Value(PropertyType::Primitive(primitive)) => read_primitive(primitive, literal),
        OperationType::Value(PropertyType::Enum(id)) => {
            let enumeration = model.enumeration(id);
            let text = literal.strip_prefix(&*enumeration.full_name).unwrap_or(literal);
            let text = unquoted(text).ok_or(LiteralProblem::Malformed)?;
            let syntax = FlagSyntax { lists: FlagLists::AnyCase, empty: EmptyFlags::Reject };
            enums::parse(enumeration, &text, syntax).map(Value::Enum).ok_or(LiteralProblem::Malformed)
        }
        OperationType::Value(PropertyType::Collection(ItemType::Primitive(primitive))) => {
            let array = json::parse(literal.as_bytes()).map_err(|_| LiteralProblem::Malformed)?;
            let Json::Array(items) = array else { return Err(LiteralProblem::Malformed) };
            let read = |item: &Json<'_>| primitive.read(item, LongNumbers::Numbers).map(Value::from);
            let items: Result<Vec<Value>, _> = items.iter().map(read).collect();
            items.map(|items| Value::Collection(items.into())).map_err(|_| LiteralProblem::Malformed)
        }
        // Values of other types are JSON, which others read.
        OperationType::Value(_) | OperationType::Entity(_) | OperationType::Entities(_) => Err(LiteralProblem::Malformed),
    }
}

fn read_primitive(primitive: Primitive, literal: &str) -> Result<Value, LiteralProblem> {
    let is_text = matches!(primitive, Primitive::String);
    // These literals have a prefix (OData 4.0 ABNF, primitiveLiteral); a duration can lack it.
    let prefix = match primitive {
        Primitive::Duration => "duration",
        Primitive::Binary => "binary",
        _ => "",
    };
    if let Some(text) = literal.strip_prefix(prefix).filter(|_| !prefix.is_empty()).and_then(unquoted) {
        let read = primitive.read(&Json::String(text), LongNumbers::Numbers).map(Value::from);
        return read.map_err(|_| LiteralProblem::Malformed);
    }
    let json = match unquoted(literal) {
        Some(text) if is_text => Json::String(text),
        Some(_) => return Err(LiteralProblem::Type("Edm.String")),
        None if is_text => return Err(LiteralProblem::Malformed),
        None => match literal {
            "true" => Json::Boolean(true),
            "false" => Json::Boolean(false),
            _ if primitive.is_number() => json::parse(literal.as_bytes()).map_err(|_| LiteralProblem::Malformed)?,
            _ => Json::String(Cow::Borrowed(literal)),
        },
    };
    primitive.read(&json, LongNumbers::Numbers).map(Value::from).map_err(|_| LiteralProblem::Malformed)
}

/// Returns the text of a literal in quotes.
fn unquoted(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    let text = inner.replace("''", "'");
    // A single quote within would end the literal.
    (inner.matches('\'').count() == 2 * text.matches('\'').count()).then_some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_commas_outside_of_literals() {
        assert_eq!(split(""), Some(Vec::new()));
        assert_eq!(split("a='x,y', b = 2"), Some(vec![("a", "'x,y'"), ("b", "2")]));
        assert_eq!(split("ids=[\"a\",\"b\"],n='it''s'"), Some(vec![("ids", "[\"a\",\"b\"]"), ("n", "'it''s'")]));
        for malformed in ["a", "a='x", "a=1,", "a=[1", "a=1]", "'a'"] {
            assert_eq!(split(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn literals_are_read_by_the_type_of_the_parameter() {
        let schema = crate::workloads::schema();
        let read = |primitive, literal| read(schema.widest(), OperationType::Value(PropertyType::Primitive(primitive)), literal);
        assert_eq!(read(Primitive::String, "'it''s'"), Ok(Value::String("it's".into())));
        assert_eq!(read(Primitive::Int32, "-3"), Ok(Value::Integer(-3)));
        assert_eq!(read(Primitive::Boolean, "true"), Ok(Value::Boolean(true)));
        assert_eq!(read(Primitive::Date, "2023-07-09"), Ok(Value::String("2023-07-09".into())));
        assert_eq!(read(Primitive::Date, "null"), Ok(Value::Null));
        assert_eq!(read(Primitive::Duration, "duration'P1D'"), read(Primitive::Duration, "P1D"));
        assert_eq!(read(Primitive::Duration, "duration'x'"), Err(LiteralProblem::Malformed));
        assert!(read(Primitive::Binary, "binary'YQ=='").is_ok());
        assert_eq!(read(Primitive::Date, "'2023-07-09'"), Err(LiteralProblem::Type("Edm.String")));
        for (primitive, malformed) in
            [(Primitive::String, "x"), (Primitive::String, "'a'b'"), (Primitive::Int32, "1.5"), (Primitive::Guid, "7")]
        {
            assert_eq!(read(primitive, malformed), Err(LiteralProblem::Malformed), "{malformed}");
        }
    }
}
