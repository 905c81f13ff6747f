//! What a step of `cargo xtask test` comes to.

/// How many tests ran, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    /// Failed, timed out, or could not start.
    pub(crate) failed: u64,
}

/// What a step came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// A few words for the table.
    pub(crate) note: String,
    /// Why the step failed although it ran to its end.
    pub(crate) complaint: Option<String>,
}

impl Outcome {
    /// A step that went well and has something to say.
    pub(crate) fn note(note: &str) -> Self {
        Self { note: note.to_owned(), ..Self::default() }
    }
}
