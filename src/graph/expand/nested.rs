//! Members for a complex value that is written already.

/// Inserts members into the complex value at a path of an object that begins at an offset; its last byte need not be written yet. The path has a
/// slash before each name. A value that the object does not have is added; null has no members.
pub(super) fn insert(out: &mut Vec<u8>, begin: usize, path: &str, members: &[u8]) {
    if members.is_empty() {
        return;
    }
    let mut object = begin;
    let mut names = path.split('/').skip(1);
    while let Some(name) = names.next() {
        match find(out, object, name) {
            Found::Value(at) if out[at] == b'{' => object = at,
            Found::Value(_) => return,
            Found::End(at) => {
                let rest: Vec<&str> = names.collect();
                let mut added = Vec::with_capacity(members.len() + 32);
                for name in std::iter::once(name).chain(rest.iter().copied()) {
                    added.extend_from_slice(format!("\"{name}\":{{").as_bytes());
                }
                added.extend_from_slice(members);
                added.resize(added.len() + rest.len() + 1, b'}');
                return splice(out, at, &added);
            }
        }
    }
    if let Found::End(at) = find(out, object, "") {
        splice(out, at, members);
    }
}

/// A member's value, or the end of the object.
enum Found {
    Value(usize),
    End(usize),
}

/// Finds a member of an object.
fn find(text: &[u8], object: usize, name: &str) -> Found {
    let (mut at, mut depth) = (object + 1, 0_usize);
    while at < text.len() {
        match text[at] {
            b'"' => {
                let begin = at + 1;
                at = end_of_string(text, begin);
                let is_name = depth == 0 && text.get(at + 1) == Some(&b':');
                if is_name && text[begin..at] == *name.as_bytes() && !name.is_empty() {
                    return Found::Value(at + 2);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Found::End(at.min(text.len()))
}

/// Returns the offset of the quote that ends a string.
fn end_of_string(text: &[u8], begin: usize) -> usize {
    let mut at = begin;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at
}

fn splice(out: &mut Vec<u8>, at: usize, members: &[u8]) {
    let comma = if out[..at].ends_with(b"{") { &b""[..] } else { b"," };
    let added: Vec<u8> = comma.iter().chain(members).copied().collect();
    out.splice(at..at, added);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_inserted_into_the_value_at_the_path() {
        for (text, path, expected) in [
            (r#"{"a":{"b":1},"c":2"#, "/a", r#"{"a":{"b":1,"x":[]},"c":2"#),
            (r#"{"a":{},"c":2"#, "/a", r#"{"a":{"x":[]},"c":2"#),
            (r#"{"a":{"b":{"c":"}\"{"}}"#, "/a/b", r#"{"a":{"b":{"c":"}\"{","x":[]}}"#),
            (r#"{"a":null"#, "/a", r#"{"a":null"#),
            (r#"{"c":{"a":{}}"#, "/a", r#"{"c":{"a":{}},"a":{"x":[]}"#),
            (r"{", "/a/b", r#"{"a":{"b":{"x":[]}}"#),
            (r#"{"c":"a","a":{"b":[{"b":{}}]}"#, "/a/b", r#"{"c":"a","a":{"b":[{"b":{}}]}"#),
        ] {
            let mut out = text.as_bytes().to_vec();
            insert(&mut out, 0, path, br#""x":[]"#);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text} {path}");
        }
    }
}
