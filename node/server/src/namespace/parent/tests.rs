use super::*;

fn params(parent: &ParentCore, name: &str) -> Option<Vec<(String, String)>> {
    let params = parent.matches(name)?;
    Some(params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

#[test]
fn a_pattern_matches_whole_names_and_tells_their_parts() {
    let tenant = ParentCore::by_pattern("/{tenant}").unwrap();
    assert_eq!(params(&tenant, "/acme"), pairs(&[("tenant", "acme")]));
    assert_eq!(params(&tenant, "/acme/chat"), None);
    assert_eq!(params(&tenant, "/"), None);
    let game = ParentCore::by_pattern("/game/{id}/{*rest}").unwrap();
    assert_eq!(params(&game, "/game/7/a/b"), pairs(&[("id", "7"), ("rest", "a/b")]));
}

#[test]
fn a_regular_expression_tells_its_groups_by_name_or_number() {
    let parent = ParentCore::by_regex(r"^/dyn-(?<id>\d+)(-x)?-(\w)$").unwrap();
    assert_eq!(params(&parent, "/dyn-12-a"), pairs(&[("id", "12"), ("3", "a")]));
    assert_eq!(params(&parent, "/dyn-x"), None);
    // As in JavaScript, the expression may match anywhere.
    assert!(ParentCore::by_regex("yn-").unwrap().matches("/dyn-1").is_some());
}

#[test]
fn a_pattern_that_cannot_be_meant_is_refused_with_a_reason() {
    let error = |pattern| ParentCore::by_pattern(pattern).err().expect("it is refused");
    assert_eq!(error("{a}"), NamespacePatternError::NoSlash("{a}".into()));
    assert_eq!(error("/chat"), NamespacePatternError::NoParameter("/chat".into()));
    assert!(matches!(error("/{a"), NamespacePatternError::Invalid { .. }));
    assert!(error("/{a").to_string().contains("`{name}` stands for one part"), "{}", error("/{a"));
    assert!(matches!(ParentCore::by_regex("(").err(), Some(NamespacePatternError::Regex(_))));
}

/// A client cannot make the node search for long: the time is linear in the length of the name.
#[test]
fn a_regular_expression_that_backtracking_would_take_for_ever_on_does_not() {
    let parent = ParentCore::by_regex(r"^/(a+)+$").unwrap();
    assert!(parent.matches(&format!("/{}b", "a".repeat(10_000))).is_none());
}
