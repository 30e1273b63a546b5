//! The section of docs/performance.md that is written here, between two marks.

use std::fmt::Write;
use std::fs;

use crate::session::Session;
use crate::table;

const DOCUMENT: &str = "docs/performance.md";
const CHART: &str = "docs/performance.svg";
const BEGIN: &str = "<!-- written by make bench -->\n";
const END: &str = "<!-- end of what make bench writes -->\n";

/// The whole section.
pub(crate) fn section(session: &Session, environment: &str) -> String {
    let (results, mut remarks) = (session.results(), Vec::new());
    let mut text = format!(
        "\n![Each server's processor time as a multiple of the baseline](performance.svg)\n\n{environment}"
    );
    let alone = table::markdown(&results, false, &mut remarks);
    if !alone.is_empty() {
        let _ = write!(text, "\n### One node\n\n{alone}");
    }
    let cluster = table::markdown(&results, true, &mut remarks);
    if !cluster.is_empty() {
        let _ = write!(text, "\n### Two nodes and their broker\n\n{cluster}");
    }
    for (number, remark) in remarks.iter().enumerate() {
        let _ = writeln!(text, "{}{}. {remark}", if number == 0 { "\n" } else { "" }, number + 1);
    }
    text + "\n"
}

/// Puts the section and the chart into the repository.
pub(crate) fn write(section: &str, chart: &str) -> Result<(), String> {
    let document = fs::read_to_string(DOCUMENT).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let document = replace(&document, section).ok_or_else(|| format!("{DOCUMENT}: the marks are missing"))?;
    for (path, text) in [(DOCUMENT, document.as_str()), (CHART, chart)] {
        fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
        println!("written: {path}");
    }
    Ok(())
}

fn replace(document: &str, section: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{section}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replace(&document, "new\n"), Some(format!("before\n{BEGIN}new\n{END}after\n")));
        assert_eq!(replace("no marks", "new"), None);
    }
}
