//! Every reader over the inputs of `fuzz/corpus/` and mutations of them: the short, repeatable part of fuzzing. `fuzz/README.md`
//! describes the long part.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use wfi_emulator::internals::world::chance::mixed;

use crate::support::readers::READERS;

/// Mutated inputs per reader, unless `WFI_EMULATOR_FUZZ` is set.
const RUNS: u64 = 300;

/// Maximum size of an input, in bytes.
const SIZE: usize = 4096;

/// Short fragments to insert.
const FRAGMENTS: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"",
    "\\",
    "\\ud800",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "@odata.type",
    "'",
    "''",
    "(",
    ")",
    "%",
    "%00",
    "%2F",
    "$filter=",
    "$",
    "/",
    "//",
    "..",
    ";",
    "=",
    "&",
    "+",
    "\r\n",
    "\n\n",
    "\u{feff}",
    "é",
    "𝄞",
    "\u{202e}",
    "{{",
    "}}",
    "```",
    "HTTP 200",
    "<",
    ">",
    "</",
    "&amp;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "9999-12-31T23:59:59.9999999Z",
    "0001-01-01T00:00:00-14:00",
    "unknownFutureValue",
    " or not ",
    " eq ",
    "Bearer ",
    ".",
    "eyJhbGciOiJub25lIn0",
];

fn folder(reader: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(reader)
}

fn inputs(reader: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder(reader)).unwrap_or_else(|error| panic!("{reader}: {error}"));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Mutations derived from a seed.
struct Mutations(u64);

impl Mutations {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        let bound = u64::try_from(bound).unwrap().max(1);
        usize::try_from(mixed(self.0) % bound).unwrap()
    }

    fn mutate(&mut self, input: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)]) {
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + 1 + self.below(12)).min(input.len());
            match self.below(6) {
                0 => drop(input.drain(at..end.max(at))),
                1 => input.splice(at..at, FRAGMENTS[self.below(FRAGMENTS.len())].bytes()).for_each(drop),
                2 => input.splice(at..end.max(at), FRAGMENTS[self.below(FRAGMENTS.len())].bytes()).for_each(drop),
                3 => {
                    let again = input[at..end.max(at)].repeat(1 + self.below(30));
                    input.splice(at..at, again).for_each(drop);
                }
                4 if at < input.len() => input[at] ^= 1 << self.below(8),
                _ => {
                    let other = &others[self.below(others.len())].1;
                    let from = self.below(other.len() + 1);
                    let part = &other[from..(from + self.below(64)).min(other.len())];
                    input.splice(at..at, part.iter().copied()).for_each(drop);
                }
            }
        }
        input.truncate(SIZE);
    }
}

#[test]
fn every_reader_accepts_every_input_and_mutations_of_them() {
    let runs = std::env::var("WFI_EMULATOR_FUZZ").map_or(RUNS, |runs| runs.parse().expect("WFI_EMULATOR_FUZZ is a number"));
    std::thread::scope(|scope| {
        for (number, reader) in (0..).zip(READERS) {
            scope.spawn(move || {
                let seeds = inputs(reader.name);
                assert!(!seeds.is_empty(), "{} has no input", reader.name);
                for (path, input) in &seeds {
                    catch_unwind(AssertUnwindSafe(|| (reader.read)(input))).unwrap_or_else(|_| panic!("{}", path.display()));
                }
                let mut mutations = Mutations(number << 32);
                for run in 0..runs {
                    let mut input = seeds[mutations.below(seeds.len())].1.clone();
                    mutations.mutate(&mut input, &seeds);
                    catch_unwind(AssertUnwindSafe(|| (reader.read)(&input))).unwrap_or_else(|_| {
                        let path = std::env::temp_dir().join(format!("wfi-emulator-{}-{run}", reader.name));
                        fs::write(&path, &input).unwrap();
                        panic!("{} fails on {:?}, saved as {}", reader.name, input.escape_ascii().to_string(), path.display())
                    });
                }
            });
        }
    });
}

#[test]
fn every_folder_of_inputs_and_every_fuzz_target_belongs_to_a_reader() {
    let mut names: Vec<String> = READERS.iter().map(|reader| reader.name.to_owned()).collect();
    names.sort();
    let listed = |path: PathBuf| {
        let mut found: Vec<String> = fs::read_dir(path)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        found
    };
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    assert_eq!(listed(fuzz.join("corpus")), names);
    assert_eq!(listed(fuzz.join("fuzz_targets")), names);
}
