//! Parts of pages that a command makes: what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

use std::fs;

use anyhow::{ensure, Context, Result};

use crate::workspace::Workspace;

/// One such part of one page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Path from the root of the checkout.
    pub(crate) page: &'static str,
    pub(crate) name: &'static str,
    /// What makes it.
    pub(crate) command: &'static str,
}

impl Part {
    /// What stands there.
    pub(crate) fn get(self, workspace: &Workspace) -> Result<String> {
        let page = self.read(workspace)?;
        self.split(&page).map(|(_, own, _)| own.to_owned())
    }

    /// Writes the part.
    pub(crate) fn put(self, workspace: &Workspace, text: &str) -> Result<()> {
        let new = self.replace(&self.read(workspace)?, text)?;
        fs::write(workspace.root.join(self.page), new).with_context(|| format!("cannot write {}", self.page))
    }

    fn read(self, workspace: &Workspace) -> Result<String> {
        fs::read_to_string(workspace.root.join(self.page)).with_context(|| format!("cannot read {}", self.page))
    }

    /// What to do about a part that is not as it should be.
    pub(crate) fn stale(self) -> String {
        format!("{} is not up to date: {}", self.page, self.command)
    }

    fn markers(self) -> [String; 2] {
        ["begin", "end"].map(|edge| format!("<!-- {}:{edge} -->", self.name))
    }

    /// What is before the part, the part, and what is after it.
    fn split(self, page: &str) -> Result<(&str, &str, &str)> {
        let [begin, end] = self.markers();
        let marker = |marker: &str| format!("{} has no `{marker}`", self.page);
        let (before, rest) = page.split_once(&begin).with_context(|| marker(&begin))?;
        let (own, after) = rest.split_once(&end).with_context(|| marker(&end))?;
        ensure!(!after.contains(&begin) && !after.contains(&end), "{} has `{begin}` more than once", self.page);
        Ok((before, own, after))
    }

    /// The page with this text for the part.
    pub(crate) fn replace(self, page: &str, text: &str) -> Result<String> {
        let (before, _, after) = self.split(page)?;
        let [begin, end] = self.markers();
        Ok(format!("{before}{begin}\n<!-- Made by `{}`. -->\n\n{}\n\n{end}{after}", self.command, text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    const PART: Part = Part { page: "page", name: "it", command: "make it" };

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let made = PART.replace("a\n<!-- it:begin -->\nold\n<!-- it:end -->\nb\n", "\nnew\n").unwrap();
        assert_eq!(made, "a\n<!-- it:begin -->\n<!-- Made by `make it`. -->\n\nnew\n\n<!-- it:end -->\nb\n");
        assert_eq!(PART.replace(&made, "new").unwrap(), made);
    }

    #[test]
    fn markers_that_lack_or_stand_twice_are_errors() {
        for page in ["", "<!-- it:end --><!-- it:begin -->", "<!-- it:begin -->"] {
            assert!(PART.replace(page, "").is_err(), "{page}");
        }
        let once = "<!-- it:begin --><!-- it:end -->";
        assert!(PART.replace(&once.repeat(2), "").is_err());
    }
}
