//! The picture of the table: one line for each row, one dot for each server, as a multiple of the baseline.

use std::fmt::Write;

use crate::peer::{Peer, Software};
use crate::row::{Row, Target};
use crate::session::Results;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 70.0;
const LINE: f64 = 34.0;
/// The multiples with a line of their own.
const TICKS: [f64; 7] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0];

/// The picture as SVG: multiples on a logarithmic scale, so that equal distances are equal factors.
pub(crate) fn dots(results: &Results<'_>) -> String {
    let rows = rows(results);
    let most = rows.iter().flat_map(|(_, dots)| dots).map(|(_, multiple)| *multiple).fold(2.0, f64::max);
    let height = TOP + LINE * rows.len() as f64 + 30.0;
    let x = |multiple: f64| {
        LEFT + (WIDTH - LEFT - RIGHT) * (multiple.max(0.7) / 0.7).ln() / (most * 1.1 / 0.7).ln()
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let bottom = height - 28.0;
    for tick in TICKS.into_iter().filter(|tick| *tick <= most * 1.1) {
        let (at, colour) = (x(tick), if tick == 1.0 { "#333" } else { "#ddd" });
        let _ = writeln!(svg, "<path d=\"M{at:.1} {:.1}V{bottom:.1}\" stroke=\"{colour}\"/>", TOP - 14.0);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}×</text>",
            bottom + 18.0
        );
    }
    legend(&mut svg);
    for (index, (row, dots)) in rows.iter().enumerate() {
        let y = TOP + LINE * (index as f64 + 0.5);
        let name = label(row);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 14.0,
            y + 4.0
        );
        for (peer, multiple) in dots {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"{}\" fill-opacity=\"0.85\"><title>{}: \
                 {multiple:.2}×</title></circle>",
                x(*multiple),
                family(peer).1,
                peer.title
            );
        }
    }
    svg + "</svg>\n"
}

/// The rows that are measured against the baseline, with the multiple of each server.
fn rows<'a>(results: &Results<'a>) -> Vec<(&'static Row, Vec<(&'a Peer, f64)>)> {
    let session = results.0;
    let is_of_baseline = |row: &&&'static Row| matches!(row.target, Target::OfBaseline(_));
    let dots_of = |row: &&'static Row| {
        let baseline = results.baseline(row)?;
        let multiple = |peer| Some((peer, results.cell(row, peer)?.median()? / baseline));
        let is_compared = |peer: &&Peer| !matches!(peer.software, Software::Baseline { .. });
        let dots = session.peers.iter().copied().filter(is_compared).filter_map(multiple).collect();
        Some((*row, dots))
    };
    session.rows.iter().filter(is_of_baseline).filter_map(dots_of).collect()
}

fn label(row: &Row) -> String {
    let name = row.title.trim_end_matches(", µs");
    if row.baseline() == row.name { name.to_owned() } else { format!("two nodes: {name}") }
}

fn legend(svg: &mut String) {
    let _ = writeln!(
        svg,
        "<text x=\"14\" y=\"24\" font-weight=\"bold\">Server processor time, as a multiple of the baseline; \
         less is better</text>"
    );
    let mut at = LEFT;
    for software in [
        Software::Fanfare { reactors: None },
        Software::Socketioxide,
        Software::Official,
        Software::Uwebsockets,
    ] {
        let (name, colour) = family_of(software);
        let _ = writeln!(svg, "<circle cx=\"{at}\" cy=\"42\" r=\"6\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"46\">{name}</text>", at + 12.0);
        at += 120.0;
    }
}

fn family(peer: &Peer) -> (&'static str, &'static str) {
    family_of(peer.software)
}

fn family_of(software: Software) -> (&'static str, &'static str) {
    match software {
        Software::Baseline { .. } => ("baseline", "#888"),
        Software::Fanfare { .. } => ("Fanfare", "#0a7d4f"),
        Software::Socketioxide => ("socketioxide", "#d9662b"),
        Software::Official => ("socket.io", "#5a5fc7"),
        Software::Uwebsockets => ("uWebSockets", "#2b9fd9"),
    }
}
