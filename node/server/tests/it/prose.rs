//! Plain technical English in doc comments: they begin with a noun or a verb, not with a question word or a pronoun.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::rust_files;

/// Words that a doc comment must not begin with: its subject would stand somewhere else.
const OPENERS: [&str; 7] = ["What", "Who", "Whose", "Whom", "How", "It", "Its"];
/// Doc comments with such an opener that are allowed, of a thousand.
const PER_THOUSAND_MAX: usize = 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The `src` folders of the workspace's crates.
fn folders() -> Vec<PathBuf> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let (_, members) = manifest.split_once("members = [").expect("members");
    let (members, _) = members.split_once(']').expect("the end of the members");
    let members = members.split(',').map(|member| member.trim().trim_matches('"'));
    members.filter(|member| !member.is_empty()).map(|member| root().join(member).join("src")).collect()
}

/// The text of a line that is a doc comment.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start)
}

/// The first line of each doc comment, with its number.
fn openings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let doc = doc(line);
        let opening = doc.filter(|_| !is_inside);
        is_inside = doc.is_some();
        opening.map(|opening| (number + 1, opening))
    })
}

fn is_bad(opening: &str) -> bool {
    let first = opening.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    OPENERS.contains(&first)
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let mut all = 0;
    let mut bad = BTreeMap::<String, Vec<usize>>::new();
    for path in folders().iter().flat_map(|folder| rust_files(folder)) {
        let text = fs::read_to_string(&path).expect("text");
        let name = path.strip_prefix(root()).expect("it is below").display().to_string();
        for (number, opening) in openings(&text) {
            all += 1;
            if is_bad(opening) {
                bad.entry(name.clone()).or_default().push(number);
            }
        }
    }
    assert!(all > 2_000, "the sources are elsewhere");
    let count: usize = bad.values().map(Vec::len).sum();
    let list: Vec<_> = bad.iter().map(|(file, lines)| format!("{file}: lines {lines:?}")).collect();
    assert!(
        count * 1_000 < all * PER_THOUSAND_MAX,
        "{count} of {all} doc comments begin with one of {OPENERS:?}:\n{}",
        list.join("\n")
    );
}

#[test]
fn openers_are_found_in_the_first_line_of_a_comment_only() {
    let text = "//! What it is.\n//! It goes on.\n\n/// Number of sockets.\n/// How many.\nfn a() {}\n    /// Its id.\n";
    let found: Vec<_> = openings(text).filter(|(_, opening)| is_bad(opening)).collect();
    assert_eq!(found, [(1, "What it is."), (7, "Its id.")]);
    assert!(!is_bad("Items of a list") && !is_bad("However") && is_bad("It's so"));
}
