//! Names of a table, found by hash and without regard to case.

/// The hashes of names with their indices, in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex(Box<[(u32, u32)]>);

impl NameIndex {
    /// Returns the index of the names of a table, in the order of the table.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>) -> NameIndex {
        let mut entries: Vec<(u32, u32)> = names.zip(0..).map(|(name, index)| (hash(name), index)).collect();
        entries.sort_unstable();
        NameIndex(entries.into())
    }

    /// Returns the first index with the hash of a name that is really the name's.
    pub(super) fn find(&self, name: &str, is_named: impl Fn(usize) -> bool) -> Option<usize> {
        let hash = hash(name);
        let start = self.0.partition_point(|(other, _)| *other < hash);
        let candidates = self.0[start..].iter().take_while(|(other, _)| *other == hash);
        candidates.map(|(_, index)| *index as usize).find(|index| is_named(*index))
    }
}

/// Returns the hash of a name in lower case (FNV-1a). Names of a schema are not chosen by clients; a client's name costs one search.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let names = ["id", "displayName", "ID2", "x"];
        let index = NameIndex::of(names.into_iter());
        let find = |name: &str| index.find(name, |at| names[at].eq_ignore_ascii_case(name));
        assert_eq!([find("ID"), find("displayname"), find("id2"), find("y"), find("")], [Some(0), Some(1), Some(2), None, None]);
    }
}
