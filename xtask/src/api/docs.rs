//! The rustdoc JSON of one or more crates, and the way from a path to the item it means.
//!
//! The shim is nothing but re-exports, and rustdoc does not follow those into other crates: it writes down the path in
//! the `pub use` and no more. So the crate behind it is documented too, and paths are followed here.

use rustdoc_types::{Crate, Id, Item, ItemEnum, Module, Use};

/// An item of one of the crates: the crate's place in the list, and rustdoc's number for it.
pub(super) type Node = (usize, Id);

/// The crates, the one whose API is asked for first.
pub(super) struct Docs {
    crates: Vec<Crate>,
}

/// What a re-export leads to.
pub(super) enum Target {
    Known(Node),
    /// An item of a crate that was not documented, by its path in the source.
    Foreign(String),
}

impl Docs {
    /// `crates` must hold every crate that the first one re-exports items of and that is part of the comparison.
    pub(super) fn new(crates: Vec<Crate>) -> Self {
        Self { crates }
    }

    pub(super) fn root(&self) -> Node {
        (0, self.crates[0].root)
    }

    pub(super) fn crate_name(&self, index: usize) -> &str {
        let krate = &self.crates[index];
        krate.index.get(&krate.root).and_then(|root| root.name.as_deref()).unwrap_or("?")
    }

    /// The item, if the crate describes it: crates describe their own items and the traits they implement.
    pub(super) fn item(&self, (index, id): Node) -> Option<&Item> {
        self.crates[index].index.get(&id).filter(|item| item.crate_id == 0)
    }

    /// All items of all crates that are their own.
    pub(super) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.crates.iter().enumerate().flat_map(|(index, krate)| {
            krate.index.values().filter(|item| item.crate_id == 0).map(move |item| (index, item))
        })
    }

    /// The items in a module, its re-exports among them.
    pub(super) fn children<'a>(&'a self, index: usize, module: &'a Module) -> impl Iterator<Item = &'a Item> {
        module.items.iter().filter_map(move |&id| self.item((index, id)))
    }

    /// Follows a re-export, and the re-exports behind it.
    pub(super) fn follow(&self, index: usize, reexport: &Use) -> Target {
        if let Some(item) = reexport.id.and_then(|id| self.item((index, id))) {
            return match &item.inner {
                ItemEnum::Use(next) => self.follow(index, next),
                _ => Target::Known((index, item.id)),
            };
        }
        let summary = reexport.id.and_then(|id| self.foreign(index, id));
        let by_source = || self.find(&reexport.source.split("::").collect::<Vec<_>>());
        match summary.or_else(by_source) {
            Some(node) => Target::Known(node),
            None => Target::Foreign(reexport.source.clone()),
        }
    }

    /// The item of another documented crate that the crate at `index` calls `id`.
    pub(super) fn foreign(&self, index: usize, id: Id) -> Option<Node> {
        let summary = self.crates[index].paths.get(&id)?;
        let other = self.position(summary.path.first()?)?;
        let paths = &self.crates[other].paths;
        let own = paths.iter().filter(|(_, theirs)| theirs.crate_id == 0);
        let mut same = own.filter(|(_, theirs)| theirs.path == summary.path && theirs.kind == summary.kind);
        same.next().map(|(&id, _)| (other, id)).or_else(|| {
            let path: Vec<&str> = summary.path.iter().map(String::as_str).collect();
            self.find(&path)
        })
    }

    /// Where an item of a crate that is not documented is defined, as `std::net::…`; nothing for an item of our own.
    pub(super) fn foreign_path(&self, index: usize, id: Id) -> Option<&[String]> {
        let summary = self.crates[index].paths.get(&id)?;
        (summary.crate_id != 0).then_some(summary.path.as_slice())
    }

    /// The public item that a full path means, as `poised::net::TcpStream`.
    fn find(&self, path: &[&str]) -> Option<Node> {
        let (name, rest) = path.split_first()?;
        let index = self.position(name)?;
        rest.iter().try_fold((index, self.crates[index].root), |module, name| self.child(module, name))
    }

    fn position(&self, name: &str) -> Option<usize> {
        (0..self.crates.len()).find(|&index| self.crate_name(index) == name)
    }

    fn child(&self, node: Node, name: &str) -> Option<Node> {
        let ItemEnum::Module(module) = &self.item(node)?.inner else { return None };
        self.children(node.0, module).find_map(|item| match &item.inner {
            ItemEnum::Use(reexport) if reexport.is_glob => match self.follow(node.0, reexport) {
                Target::Known(inside) => self.child(inside, name),
                Target::Foreign(_) => None,
            },
            ItemEnum::Use(reexport) if reexport.name == name => match self.follow(node.0, reexport) {
                Target::Known(target) => Some(target),
                Target::Foreign(_) => None,
            },
            _ => (item.name.as_deref() == Some(name)).then_some((node.0, item.id)),
        })
    }
}
