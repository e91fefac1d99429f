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

    /// Returns the hashes of the names.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(hash, _)| *hash)
    }

    /// Returns the first index of a name. `name_at` returns the name at an index of the table.
    pub(super) fn find<'n>(&self, name: &str, name_at: impl Fn(usize) -> Option<&'n str>) -> Option<usize> {
        let hash = hash(name);
        let start = self.0.partition_point(|(other, _)| *other < hash);
        let candidates = self.0[start..].iter().take_while(|(other, _)| *other == hash);
        // Clients mostly write names as they are declared.
        let is_same = |declared: &str| declared == name || declared.eq_ignore_ascii_case(name);
        candidates.map(|(_, index)| *index as usize).find(|index| name_at(*index).is_some_and(is_same))
    }
}

/// Returns a hash that is the same in upper and lower case, of eight bytes at a time (that of rustc's tables). Names of a schema are not
/// chosen by clients; a client's name costs one search.
pub(super) fn hash(name: &str) -> u32 {
    /// The bit by which letters in upper and lower case differ.
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (chunks, rest) = name.as_bytes().as_chunks::<8>();
    let add = |hash: u64, bytes: u64| (hash.rotate_left(5) ^ (bytes | CASE)).wrapping_mul(0x517c_c1b7_2722_0a95);
    let hash = chunks.iter().fold(0, |hash, chunk| add(hash, u64::from_le_bytes(*chunk)));
    // The last bytes of a longer name are read at once, some of them again.
    let last = match name.as_bytes().last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    (add(hash, last) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let names = ["id", "displayName", "ID2", "x"];
        let index = NameIndex::of(names.into_iter());
        let find = |name: &str| index.find(name, |at| Some(names[at]));
        assert_eq!([find("ID"), find("displayname"), find("id2"), find("y"), find("")], [Some(0), Some(1), Some(2), None, None]);
    }
}
