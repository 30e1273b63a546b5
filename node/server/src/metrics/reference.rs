//! Every metric with its meaning, for people.

use std::fmt::Write;

/// Description of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Name in Prometheus.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The label that tells its values apart, and the values it can have.
    pub label: Option<(&'static str, &'static [&'static str])>,
    /// Meaning of the metric.
    pub help: &'static str,
}

/// The rows of a Markdown table.
pub fn table(descriptions: &[Description]) -> String {
    let mut text = String::from("| name | kind | label | meaning |\n|---|---|---|---|\n");
    for Description { name, kind, label, help } in descriptions {
        let label =
            label.map(|(name, values)| format!("`{name}`: {}", values.join(", "))).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {label} | {help} |");
    }
    text
}
