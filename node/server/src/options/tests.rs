use super::*;

#[test]
fn the_defaults_have_no_fault() {
    assert_eq!(Options::default().faults(), Vec::<String>::new());
}

#[test]
fn no_time_may_be_longer_than_a_month_in_any_table() {
    let text = serde_json::to_value(Options::default()).expect("options are plain data");
    let mut times = 0;
    for (name, value) in text.as_object().expect("a table") {
        let keys: Vec<Vec<&str>> = match value.as_object() {
            Some(table) => table.keys().map(|key| vec![name.as_str(), key]).collect(),
            None => vec![vec![name.as_str()]],
        };
        for path in keys.iter().filter(|path| path.last().is_some_and(|key| key.ends_with("_ms"))) {
            let mut options = text.clone();
            let pointer = format!("/{}", path.join("/"));
            *options.pointer_mut(&pointer).expect("it is there") = (MS_MAX + 1).into();
            let options: Options = serde_json::from_value(options).expect("options");
            let wanted = format!("{} must be at most a month", path.join("."));
            let faults = options.faults();
            assert!(faults.iter().any(|fault| fault.starts_with(&wanted)), "{pointer}: {faults:?}");
            times += 1;
        }
    }
    assert!(times >= 18, "{times} times are checked");
}
