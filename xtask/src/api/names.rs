//! The public names of items: every path below the crate's root that leads to each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustdoc_types::ItemEnum;

use super::docs::{Docs, Node, Target};

/// All public paths, and for each item the one path that stands for it wherever a signature mentions it.
#[derive(Default)]
pub(super) struct Names {
    /// Every public path and its item.
    pub(super) paths: BTreeMap<String, Vec<Node>>,
    /// Re-exports of items of other crates, by path.
    pub(super) foreign: BTreeMap<String, String>,
    by_node: HashMap<Node, BTreeSet<String>>,
    preferred: BTreeSet<String>,
}

impl Names {
    /// Walks the public modules. `preferred` are the main names of the crate that this one is compared with: an item
    /// with several names goes by the same one there and here.
    pub(super) fn collect(docs: &Docs, preferred: BTreeSet<String>) -> Self {
        let mut names = Self { preferred, ..Self::default() };
        let root = docs.crate_name(0).to_owned();
        names.add(docs, &root, docs.root());
        names
    }

    /// The path that stands for the item; nothing for one that cannot be named from outside.
    pub(super) fn main(&self, node: Node) -> Option<&str> {
        let all = self.by_node.get(&node)?;
        let preferred = all.iter().find(|path| self.preferred.contains(*path));
        // The longest path is the one of the module that the item belongs to; shorter ones are for convenience.
        let longest = all.iter().max_by_key(|path| (path.matches("::").count(), std::cmp::Reverse(*path)));
        preferred.or(longest).map(String::as_str)
    }

    /// The main names of all items.
    pub(super) fn mains(&self) -> BTreeSet<String> {
        self.by_node.keys().filter_map(|&node| self.main(node)).map(str::to_owned).collect()
    }

    fn add(&mut self, docs: &Docs, path: &str, node: Node) {
        let nodes = self.paths.entry(path.to_owned()).or_default();
        // A module that re-exports one above it would never end.
        if nodes.contains(&node) || path.matches("::").count() > 8 {
            return;
        }
        nodes.push(node);
        self.by_node.entry(node).or_default().insert(path.to_owned());
        self.add_children(docs, path, node);
    }

    fn add_children(&mut self, docs: &Docs, path: &str, node: Node) {
        let Some(item) = docs.item(node) else { return };
        let ItemEnum::Module(module) = &item.inner else { return };
        for child in docs.children(node.0, module) {
            match &child.inner {
                ItemEnum::Use(reexport) => match docs.follow(node.0, reexport) {
                    Target::Known(target) if reexport.is_glob => self.add_children(docs, path, target),
                    Target::Known(target) => self.add(docs, &format!("{path}::{}", reexport.name), target),
                    Target::Foreign(source) => {
                        self.foreign.insert(format!("{path}::{}", reexport.name), source);
                    }
                },
                _ => {
                    let name = child.name.as_deref().unwrap_or("_");
                    self.add(docs, &format!("{path}::{name}"), (node.0, child.id));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use rustdoc_types::{
        Crate, Generics, Id, Item, ItemEnum, Module, Struct, StructKind, Target, Use, Visibility, FORMAT_VERSION,
    };

    use super::{Docs, Names};

    fn item(id: u32, name: &str, inner: ItemEnum) -> (Id, Item) {
        let item = Item {
            id: Id(id),
            crate_id: 0,
            name: Some(name.to_owned()),
            span: None,
            visibility: Visibility::Public,
            docs: None,
            links: HashMap::new(),
            attrs: Vec::new(),
            deprecation: None,
            inner,
        };
        (Id(id), item)
    }

    fn module(items: &[u32]) -> ItemEnum {
        ItemEnum::Module(Module {
            is_crate: false,
            items: items.iter().map(|&id| Id(id)).collect(),
            is_stripped: false,
        })
    }

    fn reexport(source: &str, name: &str, id: Option<u32>, is_glob: bool) -> ItemEnum {
        ItemEnum::Use(Use { source: source.to_owned(), name: name.to_owned(), id: id.map(Id), is_glob })
    }

    fn structure() -> ItemEnum {
        let generics = Generics { params: Vec::new(), where_predicates: Vec::new() };
        ItemEnum::Struct(Struct { kind: StructKind::Unit, generics, impls: Vec::new() })
    }

    fn krate<const N: usize>(index: [(Id, Item); N]) -> Crate {
        Crate {
            root: Id(0),
            crate_version: None,
            includes_private: false,
            index: HashMap::from(index),
            paths: HashMap::new(),
            external_crates: HashMap::new(),
            target: Target { triple: String::new(), target_features: Vec::new() },
            format_version: FORMAT_VERSION,
        }
    }

    /// A shim that re-exports one type by name, a module, all of another module, and a type of a foreign crate.
    fn docs() -> Docs {
        let shim = krate([
            item(0, "mio", module(&[1, 2, 3, 4])),
            item(1, "", reexport("poised::Events", "Events", None, false)),
            item(2, "", reexport("poised::event", "event", None, false)),
            item(3, "unix", module(&[5])),
            item(4, "", reexport("other::Thing", "Thing", None, false)),
            item(5, "", reexport("poised::unix", "unix", None, true)),
        ]);
        // The type stands in a private module, which no other item leads to.
        let poised = krate([
            item(0, "poised", module(&[1, 2, 4])),
            item(1, "", reexport("event::Events", "Events", Some(3), false)),
            item(2, "event", module(&[3])),
            item(3, "", reexport("self::hidden::Events", "Events", Some(6), false)),
            item(4, "unix", module(&[5])),
            item(5, "Pipe", structure()),
            item(6, "Events", structure()),
        ]);
        Docs::new(vec![shim, poised])
    }

    #[test]
    fn reexports_are_followed_into_the_other_crate() {
        let names = Names::collect(&docs(), BTreeSet::new());
        let paths: Vec<&str> = names.paths.keys().map(String::as_str).collect();
        assert_eq!(paths, ["mio", "mio::Events", "mio::event", "mio::event::Events", "mio::unix", "mio::unix::Pipe"]);
        assert_eq!(names.foreign["mio::Thing"], "other::Thing");
    }

    #[test]
    fn an_item_goes_by_one_name() {
        let names = Names::collect(&docs(), BTreeSet::new());
        assert_eq!(names.main((1, Id(6))), Some("mio::event::Events"));
        let names = Names::collect(&docs(), BTreeSet::from(["mio::Events".to_owned()]));
        assert_eq!(names.main((1, Id(6))), Some("mio::Events"));
        assert_eq!(names.main((1, Id(9))), None);
    }
}
