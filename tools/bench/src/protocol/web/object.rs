//! One field of a JSON object, found without making values of all the others.

/// The text of a field of the outermost object as it stands between its quotes; `None` if it is missing or no text.
///
/// What the load tester says needs no escapes, so a text that has some is none of its own.
pub(super) fn field<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = object.strip_prefix(b"{")?;
    loop {
        let (key, after) = text(rest)?;
        let value = after.strip_prefix(b":")?;
        if key == name.as_bytes() {
            return text(value).map(|(text, _)| text);
        }
        rest = value.get(length(value)?..)?.strip_prefix(b",")?;
    }
}

/// A text, and what stands behind its closing quote.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let end = from + memchr::memchr2(b'"', b'\\', rest.get(from..)?)?;
        if rest[end] == b'"' {
            return Some((&rest[..end], &rest[end + 1..]));
        }
        from = end + 2;
    }
}

/// How long a value is, whatever it is.
fn length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at = bytes.len() - text(&bytes[at..])?.1.len(),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b',' | b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => (depth, at) = (depth - 1, at + 1),
            _ => at += 1,
        }
    }
}
