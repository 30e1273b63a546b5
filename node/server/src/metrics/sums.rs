//! Numbers that any thread changes by one addition, to a part that its reactor has for itself.

use super::cells::{Columns, Sum};

/// A metric, made of columns of numbers.
pub(super) trait Counts {
    /// Takes the columns that it needs.
    fn new(columns: &mut Columns) -> Self;
}

/// A sum that only grows.
#[derive(Debug)]
pub struct Counter(Sum);

impl Counts for Counter {
    fn new(columns: &mut Columns) -> Self {
        Self(columns.take())
    }
}

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.add(n);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// A number of things that exist now.
#[derive(Debug)]
pub struct Gauge(Sum);

impl Counts for Gauge {
    fn new(columns: &mut Columns) -> Self {
        Self(columns.take())
    }
}

impl Gauge {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// One less.
    pub fn decrement(&self) {
        self.add(-1);
    }

    /// So many more.
    pub fn add(&self, n: i64) {
        self.0.add(n as u64);
    }

    /// So many; for a gauge that is not added to.
    pub fn set(&self, n: i64) {
        self.0.set(n as u64);
    }

    /// Current value.
    pub fn get(&self) -> i64 {
        self.0.get() as i64
    }
}
