//! One metric for each value of a label.

use std::marker::PhantomData;

use super::cells::Columns;
use super::sums::{Counter, Counts, Gauge};

/// A label that tells the values of a metric apart. It has few values, all known when the program is built: a text that
/// clients choose, such as the name of a room, must not be a label.
pub trait Label: Copy {
    /// The label's name.
    const NAME: &'static str;
    /// Values that the label can have.
    const VALUES: &'static [&'static str];

    /// Position of the value among these.
    fn index(self) -> usize;
}

/// A metric for each value of the label `L`.
#[derive(Debug)]
pub struct Family<L, S = Counter> {
    sums: Box<[S]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, S: Counts> Counts for Family<L, S> {
    fn new(columns: &mut Columns) -> Self {
        Self { sums: L::VALUES.iter().map(|_| S::new(columns)).collect(), label: PhantomData }
    }
}

impl<L: Label, S> Family<L, S> {
    /// The one of this value.
    pub fn of(&self, label: L) -> &S {
        &self.sums[label.index()]
    }

    /// Each value with its metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &S)> {
        L::VALUES.iter().copied().zip(&self.sums)
    }
}

impl<L: Label> Family<L> {
    /// All of them together.
    pub fn get(&self) -> u64 {
        self.sums.iter().map(Counter::get).sum()
    }
}

impl<L: Label> Family<L, Gauge> {
    /// All of them together.
    pub fn get(&self) -> i64 {
        self.sums.iter().map(Gauge::get).sum()
    }
}
