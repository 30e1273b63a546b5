//! The result of a comparison as Markdown and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{BeforeAfterOptions, Measured};
use crate::build::Build;
use crate::pairs::{Comparison, Verdict};

/// Everything that is told about a comparison.
pub(super) struct Summary<'a> {
    pub(super) options: &'a BeforeAfterOptions,
    pub(super) builds: &'a [Build; 2],
    /// Whether before and after are the same program.
    pub(super) is_same: bool,
    pub(super) measured: &'a [Measured],
}

impl Summary<'_> {
    /// The table, below `heading`.
    pub(super) fn markdown(&self, heading: &str) -> String {
        let mut text =
            format!("{heading}| | before | after | ratio | spread | verdict |\n|---|---|---|---|---|---|\n");
        for measured in self.measured {
            let cells = match measured.pairs.compare(self.threshold()) {
                None => "- | - | - | - | not measured".to_owned(),
                Some(found) => format!(
                    "{:.2} | {:.2} | {:.3} | {:.3}–{:.3} | {}",
                    found.before,
                    found.after,
                    found.ratio,
                    found.spread.0,
                    found.spread.1,
                    self.verdict(&found)
                ),
            };
            let _ = writeln!(text, "| {} ({}) | {cells} |", measured.row.title, measured.row.name);
        }
        text.push_str("\nRatio: median of after / before in each pair; less is better. Spread: its least and greatest.\n");
        if self.is_same {
            text.push_str("Both are the same program: the ratios are the noise of this machine.\n");
        }
        let remarks: Vec<&String> = self.measured.iter().flat_map(|measured| &measured.remarks).collect();
        if !remarks.is_empty() {
            text.push_str("\nRemarks:\n\n");
        }
        remarks.iter().for_each(|remark| text.push_str(&format!("* {remark}\n")));
        text
    }

    /// JSON for scripts, with every ratio.
    pub(super) fn json(&self) -> String {
        let build = |build: &Build| json!({ "program": build.program, "version": build.version });
        let rows: Vec<Value> = self
            .measured
            .iter()
            .map(|measured| {
                json!({
                    "name": measured.row.name,
                    "title": measured.row.title,
                    "pairs": measured.pairs.count(),
                    "comparison": measured.pairs.compare(self.threshold()),
                    "remarks": measured.remarks,
                })
            })
            .collect();
        let value = json!({
            "before": build(&self.builds[0]),
            "after": build(&self.builds[1]),
            "is_same_program": self.is_same,
            "pairs": self.options.pairs,
            "threshold_percent": self.options.threshold,
            "rows": rows,
        });
        format!("{value:#}\n")
    }

    /// Whether a row became worse or could not be measured.
    pub(super) fn is_worse(&self) -> bool {
        let verdict =
            |measured: &Measured| measured.pairs.compare(self.threshold()).map(|found| found.verdict);
        self.measured.iter().any(|measured| matches!(verdict(measured), None | Some(Verdict::Worse)))
    }

    fn threshold(&self) -> f64 {
        self.options.threshold / 100.0
    }

    /// `worse in 6 of 7 pairs`
    fn verdict(&self, found: &Comparison) -> String {
        let (agreeing, all) = (found.agreeing(), found.ratios.len());
        match found.verdict {
            Verdict::Within => format!("within {} %", self.options.threshold),
            Verdict::Better => format!("better in {agreeing} of {all} pairs"),
            Verdict::Worse => format!("worse in {agreeing} of {all} pairs"),
            Verdict::Unclear => format!("unclear, only {agreeing} of {all} pairs agree: take more pairs"),
        }
    }
}
