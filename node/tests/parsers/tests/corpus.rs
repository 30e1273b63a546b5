//! The kept inputs and a bounded number of mutations of them, on stable Rust. `MUTATIONS` says how many for each parser.

use std::fs;
use std::path::{Path, PathBuf};

use fanfare_parser_tests::TARGETS;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Mutations of each parser's inputs, unless told otherwise.
const MUTATIONS: usize = 100_000;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} keeps no input");
    files.iter().map(|file| fs::read(file).expect("an input")).collect()
}

/// One to four small changes, or the end of another input.
fn mutate(input: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut mutated = input.to_vec();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..mutated.len() + 1);
        match random.random_range(0..6) {
            0 => mutated.insert(at, random.random()),
            1 if at < mutated.len() => drop(mutated.remove(at)),
            2 if at < mutated.len() => mutated[at] ^= 1 << random.random_range(0..8),
            3 if at < mutated.len() => mutated[at] = *b"\0\x1e\"\\[]{}-,/0289\xff".get(at % 16).unwrap_or(&0),
            4 => mutated.truncate(at),
            _ => mutated.extend_from_slice(&other[at.min(other.len())..]),
        }
        mutated.truncate(64 * 1024);
    }
    mutated
}

#[test]
fn no_parser_stumbles_over_kept_inputs_and_mutations_of_them() {
    let mutations =
        std::env::var("MUTATIONS").ok().map_or(MUTATIONS, |count| count.parse().expect("a number"));
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        inputs.iter().for_each(|input| target(input));
        let mut random = StdRng::seed_from_u64(42);
        let mut last = inputs[0].clone();
        for number in 0..mutations {
            let other = &inputs[random.random_range(0..inputs.len())];
            // Most mutations start from a kept input, some from the mutation before.
            let start = if number % 4 == 0 { last.clone() } else { other.clone() };
            last = mutate(&start, other, &mut random);
            let outcome = std::panic::catch_unwind(|| target(&last));
            assert!(outcome.is_ok(), "{name} stumbles over {:?}", last.escape_ascii().to_string());
        }
    }
}

#[test]
fn every_parser_has_its_fuzz_target() {
    let manifest =
        fs::read_to_string(fuzz_folder().join("Cargo.toml")).expect("the workspace of the fuzzers");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let target = fs::read_to_string(fuzz_folder().join("targets").join(format!("{name}.rs")));
        assert!(target.expect("its file").contains(&format!("fanfare_parser_tests::{name}(data)")), "{name}");
    }
}
