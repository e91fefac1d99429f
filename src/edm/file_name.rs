//! Names of files and folders: their characters, and the depth of their folders.

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::{Model, Schema};

/// The depth of folders, and of other entities nested in one another, with a wide margin.
pub(crate) const DEPTH: usize = 16;

/// The characters that no name has (learn.microsoft.com/graph/onedrive-addressing-driveitems).
const RESERVED: [char; 9] = ['"', '*', '/', ':', '<', '>', '?', '\\', '|'];

/// Returns whether a name has no reserved character.
pub(crate) fn is_allowed(name: &str) -> bool {
    !name.contains(RESERVED)
}

/// Returns whether a text can be a name at all: it is visible, and no way to another folder.
pub(crate) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text != "." && text != ".." && !text.contains(char::is_control)
}

/// Splits a path at the root of its drive, which is a segment `root` or `root:`, into what is before and behind it.
pub(crate) fn split_at_root(path: &str) -> Option<(&str, &str)> {
    let mut begin = 0;
    for segment in path.split('/') {
        let end = begin + segment.len();
        if segment == "root" || segment == "root:" {
            return Some((&path[..begin], &path[end..]));
        }
        begin = end + 1;
    }
    None
}

/// Returns whether two names are the same, in any case of any script.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || !(one.is_ascii() && other.is_ascii()) && folded(one) == folded(other)
}

/// Returns names that resemble another: `a 1.txt`, `a 2.txt` for `a.txt`.
pub(crate) fn similar(name: &str) -> impl Iterator<Item = String> + use<'_> {
    let (stem, end) = name.rfind('.').filter(|at| *at > 0).map_or((name, ""), |at| name.split_at(at));
    (1_u64..).map(move |number| format!("{stem} {number}{end}"))
}

/// Returns a text that all names have which are the same.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Returns the number of folders around the items of a collection.
pub(crate) fn depth(schema: &Schema, model: &Model, collection: &CollectionAddress) -> usize {
    let holder = |place: &CollectionAddress| EntityAddress::parse(schema, model, place.holder.as_deref()?);
    let is_folder = |address: &EntityAddress| {
        model.find_structured(schema.set(address.collection.set).target).is_some_and(|structured| structured.file.is_some())
    };
    std::iter::successors(holder(collection), |address| holder(&address.collection)).take_while(is_folder).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_path_is_a_whole_segment() {
        for (path, expected) in [
            ("/drive/root:/a/b", Some(("/drive/", "/a/b"))),
            ("/drives/x/root", Some(("/drives/x/", ""))),
            ("root:", Some(("", ""))),
            ("/drive/root/a/root:", Some(("/drive/", "/a/root:"))),
            ("/drive/roots/root:/ä", Some(("/drive/roots/", "/ä"))),
            ("/drive/rootfolder", None),
            ("/drive/root:folder", None),
            ("/drive/my-root:/a", None),
            ("", None),
        ] {
            assert_eq!(split_at_root(path), expected, "{path}");
        }
    }

    #[test]
    fn names_are_the_same_in_any_case() {
        for (one, other) in [("a.txt", "A.TXT"), ("Ä.txt", "ä.TXT"), ("ΑΣ", "ας"), ("К", "к"), ("\u{212a}", "k"), ("", "")]
        {
            assert!(is_same(one, other) && is_same(other, one) && folded(one) == folded(other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a", "ä"), ("ä", "a\u{308}"), ("a", "a ")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        assert!(is_allowed("a b.txt") && !is_allowed("a:b") && !is_allowed("a/b"));
        assert!(["a", "...", ".a", "a b", "ä"].iter().all(|name| is_name(name)));
        assert!(["", " ", ".", "..", "a\0", "a\n"].iter().all(|name| !is_name(name)));
    }
}
