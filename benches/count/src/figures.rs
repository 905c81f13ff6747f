//! What is counted, and how it is read.

use std::ops::Index;
use std::sync::atomic::{AtomicI64, Ordering};

/// A kind of call, or what the heap holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Polls,
    Cancels,
    /// Calls that take packets out of a completion port.
    Waits,
    /// Packets put there by hand.
    Posts,
    /// Files and devices opened: the helper handles.
    Handles,
    Allocations,
    /// On the heap, in use.
    Bytes,
}

impl Figure {
    const COUNT: usize = 7;

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Polls => "polls",
            Self::Cancels => "cancels",
            Self::Waits => "waits",
            Self::Posts => "posts",
            Self::Handles => "helper handles",
            Self::Allocations => "allocations",
            Self::Bytes => "heap bytes",
        }
    }
}

static FIGURES: [AtomicI64; Figure::COUNT] = [const { AtomicI64::new(0) }; Figure::COUNT];

/// Counts.
pub(crate) fn add(figure: Figure, amount: i64) {
    // Relaxed: who reads the sum has waited for the others in another way.
    FIGURES[figure as usize].fetch_add(amount, Ordering::Relaxed);
}

/// All figures at one time.
pub(crate) struct Snapshot([i64; Figure::COUNT]);

/// What each of many cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost([f64; Figure::COUNT]);

impl Snapshot {
    pub(crate) fn now() -> Snapshot {
        // Relaxed: as above.
        Snapshot(std::array::from_fn(|n| FIGURES[n].load(Ordering::Relaxed)))
    }

    /// What was added since, for each of `many`.
    pub(crate) fn cost(&self, many: usize) -> Cost {
        let now = Snapshot::now();
        // Numbers far below 2^52, so exact.
        #[allow(clippy::cast_precision_loss)]
        Cost(std::array::from_fn(|n| (now.0[n] - self.0[n]) as f64 / many as f64))
    }
}

impl Index<Figure> for Cost {
    type Output = f64;

    fn index(&self, figure: Figure) -> &f64 {
        &self.0[figure as usize]
    }
}
