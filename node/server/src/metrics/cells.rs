//! Storage of counts: a row of cells for each reactor and one for all other threads, so that reactors that count at
//! the same time share no cache line. A count is the sum of its column, made when somebody asks.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Cells of a line.
const LINE: usize = 16;

thread_local! {
    /// The row of this thread: 0, unless it is a reactor.
    static ROW: Cell<usize> = const { Cell::new(0) };
}

/// Declares the current thread to be a reactor, which counts in a row of its own.
pub fn bind_thread(reactor: usize) {
    ROW.set(reactor + 1);
}

/// Two cache lines of common processors, which some fetch in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; LINE]);

#[derive(Debug)]
struct Table {
    lines: Box<[Line]>,
    lines_per_row: usize,
}

impl Table {
    fn cell(&self, row: usize, column: usize) -> Option<&AtomicU64> {
        let line = self.lines.get(row * self.lines_per_row + column / LINE)?;
        line.0.get(column % LINE)
    }
}

/// One number, whose parts stand in one column. It wraps around, so that it may be signed.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    table: Arc<Table>,
    column: usize,
}

impl Sum {
    /// Adds to the part of this thread.
    pub fn add(&self, n: u64) {
        // A reactor of another node of this process may have a row that this node has not.
        let cell = self.table.cell(ROW.get(), self.column).or_else(|| self.table.cell(0, self.column));
        if let Some(cell) = cell {
            cell.fetch_add(n, Ordering::Release);
        }
    }

    /// All parts together.
    pub fn get(&self) -> u64 {
        self.parts().fold(0, |sum, part| sum.wrapping_add(part.load(Ordering::Acquire)))
    }

    /// Replaces all parts. Additions of other threads meanwhile may be lost.
    pub fn set(&self, n: u64) {
        let mut n = Some(n);
        self.parts().for_each(|part| part.store(n.take().unwrap_or_default(), Ordering::Release));
    }

    fn parts(&self) -> impl Iterator<Item = &AtomicU64> {
        (0..).map_while(|row| self.table.cell(row, self.column))
    }
}

/// The columns of a table that no metric has taken yet.
pub(super) struct Columns {
    table: Arc<Table>,
    next: usize,
}

impl Columns {
    /// Creates a table with this number of columns.
    pub fn new(columns: usize, reactors: usize) -> Self {
        let lines_per_row = columns.div_ceil(LINE);
        let lines = (0..lines_per_row * (reactors + 1)).map(|_| Line::default()).collect();
        Self { table: Arc::new(Table { lines, lines_per_row }), next: 0 }
    }

    /// The next one.
    pub fn take(&mut self) -> Sum {
        let column = self.next;
        self.next += 1;
        assert!(column < self.table.lines_per_row * LINE, "the table has too few columns");
        Sum { table: self.table.clone(), column }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_threads_count_at_the_same_time_sums_up_exactly() {
        const EACH: u64 = 200_000;
        let mut columns = Columns::new(20, 2);
        let sums: Vec<Sum> = (0..20).map(|_| columns.take()).collect();
        thread::scope(|scope| {
            // Two reactors, one that this table has no row for, and two other threads.
            for reactor in [Some(0), Some(1), Some(7), None, None] {
                let sums = &sums;
                scope.spawn(move || {
                    reactor.into_iter().for_each(bind_thread);
                    for n in 0..EACH {
                        sums[n as usize % 20].add(n);
                        sums[3].add(1u64.wrapping_neg());
                    }
                });
            }
        });
        let mut expected = vec![0u64; 20];
        (0..EACH).for_each(|n| expected[n as usize % 20] += 5 * n);
        expected[3] = expected[3].wrapping_sub(5 * EACH);
        assert_eq!(sums.iter().map(Sum::get).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_reactor_counts_in_a_line_of_its_own() {
        let mut columns = Columns::new(3, 2);
        let sum = columns.take();
        let other = sum.clone();
        thread::spawn(move || {
            bind_thread(1);
            other.add(5);
        })
        .join()
        .expect("it counts");
        sum.add(2);
        let parts: Vec<u64> = sum.parts().map(|part| part.load(Ordering::Acquire)).collect();
        assert_eq!((parts, sum.get()), (vec![2, 0, 5], 7));
        sum.set(3);
        assert_eq!(sum.get(), 3);
    }
}
