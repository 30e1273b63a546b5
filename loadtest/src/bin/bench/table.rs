//! The tables of the document, in Markdown.

use std::fmt::Write;

use crate::peer::{Peer, Software};
use crate::row::{Nodes, Row, Target};
use crate::session::{Cell, Results};

/// The table of the rows for one node, or of those for two; empty if there are none. `remarks` takes what the marked
/// cells have to say.
pub(crate) fn markdown(results: &Results<'_>, is_cluster: bool, remarks: &mut Vec<String>) -> String {
    let session = results.0;
    let peers: Vec<&Peer> =
        session.peers.iter().copied().filter(|peer| peer.broker.is_some() == is_cluster).collect();
    let rows = session.rows.iter().filter(|row| matches!(row.nodes, Nodes::Two { .. }) == is_cluster);
    let mut text = String::new();
    for row in rows.filter(|_| !peers.is_empty()) {
        if text.is_empty() {
            let titles: Vec<&str> = peers.iter().map(|peer| peer.title).collect();
            let _ = writeln!(text, "| | {} | target |", titles.join(" | "));
            let _ = writeln!(text, "|---|{}---|", "---|".repeat(titles.len()));
        }
        let cells: Vec<String> = peers.iter().map(|peer| cell(results, row, peer, remarks)).collect();
        let _ = writeln!(text, "| {} | {} | {} |", row.title, cells.join(" | "), target(row));
    }
    text
}

/// `11.59 (11.04–11.94), 1.43×`, and the number of a remark if there is one.
fn cell(results: &Results<'_>, row: &Row, peer: &Peer, remarks: &mut Vec<String>) -> String {
    let Some(cell) = results.cell(row, peer) else { return "not run".to_owned() };
    let remark = remark(row, peer, cell).map(|remark| {
        remarks.push(remark);
        format!(" [{}]", remarks.len())
    });
    let remark = remark.unwrap_or_default();
    let (Some(median), Some((least, most))) = (cell.median(), cell.range()) else {
        return format!("failed{remark}");
    };
    let is_baseline = matches!(peer.software, Software::Baseline { .. });
    let multiple = results.baseline(row).filter(|_| !is_baseline).map(|baseline| median / baseline);
    let shown = multiple.filter(|_| matches!(row.target, Target::OfBaseline(_)));
    let shown = shown.map(|multiple| format!(", {multiple:.2}×")).unwrap_or_default();
    let is_met = match row.target {
        Target::None => None,
        Target::Absolute(target) => Some(median <= target),
        Target::OfBaseline(target) => multiple.map(|multiple| multiple <= target),
    };
    let verdict = match (peer.software, is_met) {
        (Software::Fanfare { .. }, Some(true)) => ", met",
        (Software::Fanfare { .. }, Some(false)) => ", missed",
        _ => "",
    };
    let range = if most > least { format!(" ({least:.2}–{most:.2})") } else { String::new() };
    format!("{median:.2}{range}{shown}{verdict}{remark}")
}

fn remark(row: &Row, peer: &Peer, cell: &Cell) -> Option<String> {
    let first = cell.remarks.first()?;
    let (times, name) = (cell.remarks.len(), row.title.rsplit_once(", ").map_or(row.title, |(name, _)| name));
    Some(format!("{}, {name}, in {times} of the runs: {first}", peer.title))
}

fn target(row: &Row) -> String {
    match row.target {
        Target::OfBaseline(multiple) => format!("{multiple}×"),
        Target::Absolute(figure) => figure.to_string(),
        Target::None => String::new(),
    }
}
