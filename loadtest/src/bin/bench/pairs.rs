//! Two builds measured in turn: which goes first, and what the pairs of figures say. Pure.
//!
//! The ratio is taken inside each pair, so that a machine whose speed drifts from pair to pair does not matter; the
//! first place alternates, so that what one measurement leaves behind for the next does not favour one side.

use serde::Serialize;

/// One of the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// The figures of one row, of pairs that have both.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    before: Vec<f64>,
    after: Vec<f64>,
}

/// The result of one row; less is better in every figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// Median of the figures before.
    pub(crate) before: f64,
    /// Median of the figures after.
    pub(crate) after: f64,
    /// Median of after / before in each pair.
    pub(crate) ratio: f64,
    /// The least and the greatest ratio.
    pub(crate) spread: (f64, f64),
    /// The ratio of each pair, in the order of measurement.
    pub(crate) ratios: Vec<f64>,
    pub(crate) verdict: Verdict,
}

/// The median ratio against a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Better,
    /// The change is smaller than the threshold.
    Within,
    Worse,
    /// The change is larger, but too many pairs say the opposite: the machine was too noisy for so few pairs.
    Unclear,
}

impl Side {
    /// The order inside a pair, counted from 0: before goes first in every second one.
    pub(crate) fn order(pair: u32) -> [Self; 2] {
        if pair.is_multiple_of(2) { [Self::Before, Self::After] } else { [Self::After, Self::Before] }
    }

    /// The name in tables and file names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

impl Pairs {
    /// Adds a pair and returns its ratio; a pair that has none is left out.
    pub(crate) fn add(&mut self, before: Option<f64>, after: Option<f64>) -> Option<f64> {
        let (before, after) = (before.filter(|figure| *figure > 0.0)?, after?);
        self.before.push(before);
        self.after.push(after);
        Some(after / before)
    }

    /// The number of pairs with both figures.
    pub(crate) fn count(&self) -> usize {
        self.before.len()
    }

    /// Compares the sides; `threshold` is the share that counts as a change. `None` without any pair.
    pub(crate) fn compare(&self, threshold: f64) -> Option<Comparison> {
        let ratios: Vec<f64> =
            self.before.iter().zip(&self.after).map(|(before, after)| after / before).collect();
        let ratio = median(&ratios)?;
        Some(Comparison {
            before: median(&self.before)?,
            after: median(&self.after)?,
            ratio,
            spread: (
                ratios.iter().copied().fold(f64::INFINITY, f64::min),
                ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ),
            verdict: Verdict::of(&ratios, ratio, threshold),
            ratios,
        })
    }
}

impl Comparison {
    /// The number of pairs that lie on the same side of 1 as the median.
    pub(crate) fn agreeing(&self) -> usize {
        agreeing(&self.ratios, self.ratio)
    }
}

impl Verdict {
    /// A change counts if it reaches the threshold and five in six of the pairs agree on its direction.
    fn of(ratios: &[f64], median: f64, threshold: f64) -> Self {
        let is_clear = agreeing(ratios, median) * 6 >= ratios.len() * 5;
        match median {
            _ if (median - 1.0).abs() <= threshold => Self::Within,
            _ if !is_clear => Self::Unclear,
            _ if median > 1.0 => Self::Worse,
            _ => Self::Better,
        }
    }
}

fn agreeing(ratios: &[f64], median: f64) -> usize {
    ratios.iter().filter(|ratio| (**ratio > 1.0) == (median > 1.0)).count()
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let upper = figures.len() / 2;
    match figures.len() {
        0 => None,
        count if count.is_multiple_of(2) => Some(f64::midpoint(figures[upper - 1], figures[upper])),
        _ => Some(figures[upper]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(figures: &[(f64, f64)]) -> Pairs {
        let mut pairs = Pairs::default();
        for (before, after) in figures {
            assert!(pairs.add(Some(*before), Some(*after)).is_some());
        }
        pairs
    }

    #[test]
    fn the_sides_take_turns_at_going_first() {
        let first: Vec<Side> = (0..4).map(|pair| Side::order(pair)[0]).collect();
        assert_eq!(first, [Side::Before, Side::After, Side::Before, Side::After]);
        assert!((0..4).all(|pair| Side::order(pair)[0] != Side::order(pair)[1]));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0, 2.0]), Some(3.5));
    }

    #[test]
    fn a_machine_that_slows_down_from_pair_to_pair_is_no_change_of_the_program() {
        // Twice as slow in the end; medians of each side alone would tell 3.1 / 3.0.
        let found = pairs(&[(2.0, 2.0), (3.0, 3.1), (4.0, 4.0)]).compare(0.03).expect("measured");
        assert_eq!((found.before, found.after, found.ratio), (3.0, 3.1, 1.0));
        assert_eq!(found.verdict, Verdict::Within);
    }

    #[test]
    fn the_verdict_is_that_of_the_median_ratio() {
        for (after, verdict) in [
            (103.5, Verdict::Worse),
            (102.9, Verdict::Within),
            (97.1, Verdict::Within),
            (96.5, Verdict::Better),
        ] {
            let found = pairs(&[(100.0, after); 3]).compare(0.03).expect("measured");
            assert_eq!((found.verdict, found.agreeing()), (verdict, 3), "{after}");
        }
    }

    #[test]
    fn pairs_that_contradict_each_other_give_no_verdict() {
        let mut of_seven = [(1.0, 1.2); 7];
        of_seven[0].1 = 0.7;
        let found = pairs(&of_seven).compare(0.03).expect("measured");
        assert_eq!((found.verdict, found.agreeing(), found.spread), (Verdict::Worse, 6, (0.7, 1.2)));
        of_seven[1].1 = 0.9;
        let found = pairs(&of_seven).compare(0.03).expect("measured");
        assert_eq!((found.verdict, found.agreeing()), (Verdict::Unclear, 5));
    }

    #[test]
    fn a_pair_with_one_figure_is_left_out() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.add(Some(1.0), None), None);
        assert_eq!(pairs.add(None, Some(1.0)), None);
        assert_eq!(pairs.add(Some(0.0), Some(1.0)), None, "there is no ratio to nothing");
        assert_eq!((pairs.count(), pairs.compare(0.03)), (0, None));
        assert_eq!(pairs.add(Some(2.0), Some(1.0)), Some(0.5));
        assert_eq!(pairs.count(), 1);
    }
}
