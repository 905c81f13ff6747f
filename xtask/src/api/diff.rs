//! What one API has of another.

use super::surface::{Entry, Surface};

/// The state of an entry of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Same,
    /// Callable as before and in a `const` too.
    AlsoConst,
    Missing,
    /// There, but not the same: what ours looks like.
    Differs(String),
}

/// An entry of the original, and its state here.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) owner: String,
    pub(super) key: String,
    pub(super) text: String,
    pub(super) state: State,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) rows: Vec<Row>,
    /// What the original does not have, as text.
    pub(super) additions: Vec<(String, Entry)>,
}

/// Compares `ours` with `original`.
pub(super) fn compare(original: &Surface, ours: &Surface) -> Comparison {
    let rows = original.iter().map(|(key, entry)| Row {
        owner: entry.owner.clone(),
        key: key.clone(),
        text: entry.text.clone(),
        state: state(entry, ours.get(key)),
    });
    let is_new = |key: &&String| !original.contains_key(*key) && !is_implied(key, original, ours);
    let additions = ours.keys().filter(is_new).map(|key| (key.clone(), ours[key].clone()));
    Comparison { rows: rows.collect(), additions: additions.collect() }
}

fn state(original: &Entry, ours: Option<&Entry>) -> State {
    match ours {
        None => State::Missing,
        Some(ours) if ours.text == original.text => State::Same,
        Some(ours) if ours.text.strip_prefix("const ") == Some(&original.text) => State::AlsoConst,
        Some(ours) => State::Differs(ours.text.clone()),
    }
}

/// Whether an entry that the original lacks is nothing to tell: that a new type is `Send`.
fn is_implied(key: &str, original: &Surface, ours: &Surface) -> bool {
    let of_new_type = !original.contains_key(&ours[key].owner);
    let auto = ["marker::Send", "marker::Sync", "marker::Unpin", "UnwindSafe", "StructuralPartialEq"];
    let name = key.strip_prefix("impl ").and_then(|rest| rest.split_once(" for "));
    of_new_type && name.is_some_and(|(name, _)| auto.iter().any(|auto| name.ends_with(auto)))
}

impl Comparison {
    /// What keeps a program written for the original from working.
    pub(super) fn complaints(&self) -> Vec<String> {
        let complaint = |row: &Row| match &row.state {
            State::Same | State::AlsoConst => None,
            State::Missing => Some(format!("missing: {}", row.text)),
            State::Differs(ours) => Some(format!("differs: {}\n  mio:  {}\n  ours: {ours}", row.key, row.text)),
        };
        self.rows.iter().filter_map(complaint).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, State, Surface};
    use crate::api::surface::Entry;

    fn surface(entries: &[(&str, &str)]) -> Surface {
        let entry =
            |&(key, text): &(&str, &str)| (key.to_owned(), Entry { owner: "mio::A".to_owned(), text: text.to_owned() });
        entries.iter().map(entry).collect()
    }

    fn original() -> Surface {
        surface(&[
            ("mio::A", "struct mio::A { _ }"),
            ("mio::A::new", "fn mio::A::new() -> mio::A"),
            ("impl Send for mio::A", "impl Send for mio::A"),
        ])
    }

    #[test]
    fn the_same_is_the_same() {
        let comparison = compare(&original(), &original());
        assert!(comparison.rows.iter().all(|row| row.state == State::Same));
        assert!(comparison.complaints().is_empty() && comparison.additions.is_empty());
    }

    #[test]
    fn a_missing_item_is_missing() {
        let mut ours = original();
        ours.remove("mio::A::new");
        assert_eq!(compare(&original(), &ours).complaints(), ["missing: fn mio::A::new() -> mio::A"]);
    }

    #[test]
    fn a_missing_impl_is_missing() {
        let mut ours = original();
        ours.remove("impl Send for mio::A");
        assert_eq!(compare(&original(), &ours).complaints(), ["missing: impl Send for mio::A"]);
    }

    #[test]
    fn another_signature_differs() {
        let mut ours = original();
        ours.extend(surface(&[("mio::A::new", "fn mio::A::new(u8) -> mio::A")]));
        let complaints = compare(&original(), &ours).complaints();
        assert!(complaints.len() == 1 && complaints[0].starts_with("differs: mio::A::new"), "{complaints:?}");
    }

    #[test]
    fn const_is_more_and_its_loss_is_less() {
        let mut more = original();
        more.extend(surface(&[("mio::A::new", "const fn mio::A::new() -> mio::A")]));
        assert!(compare(&original(), &more).complaints().is_empty());
        assert_eq!(compare(&more, &original()).complaints().len(), 1);
    }

    #[test]
    fn additions_are_listed_and_no_complaint() {
        let mut ours = original();
        ours.extend(surface(&[("mio::A::len", "fn mio::A::len(self: &'0 mio::A) -> usize")]));
        let comparison = compare(&original(), &ours);
        assert!(comparison.complaints().is_empty());
        assert_eq!(comparison.additions.len(), 1);
        assert_eq!(comparison.additions[0].0, "mio::A::len");
    }
}
