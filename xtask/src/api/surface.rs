//! The public API of a crate as a sorted list of entries, one for each thing that its users can name or rely on.

use std::collections::BTreeMap;

use rustdoc_types::{Function, Generics, Id, Impl, Item, ItemEnum, Struct, StructKind, Trait};

use super::docs::{Docs, Node};
use super::names::Names;
use super::render::{header, Renderer, Unnameable};

/// The traits that the compiler implements by itself and that callers rely on.
const AUTO_TRAITS: &[&str] = &["RefUnwindSafe", "Send", "Sync", "Unpin", "UnwindSafe"];

/// Entries by key: the public path of an item, or `impl Trait for Type`.
pub(super) type Surface = BTreeMap<String, Entry>;

/// One item or impl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The type or module that it belongs to.
    pub(super) owner: String,
    /// All that a caller can see of it. Two entries with the same text are the same API.
    pub(super) text: String,
}

/// Lists the API of the first crate in `docs`.
pub(super) fn list(docs: &Docs, names: &Names) -> Surface {
    let mut lister = Lister { docs, names, surface: Surface::new() };
    for (path, nodes) in &names.paths {
        for &node in nodes {
            lister.item(path, node);
        }
    }
    for (path, source) in &names.foreign {
        lister.add(path, path, format!("re-export of {source}"));
    }
    for (index, item) in docs.items() {
        if let ItemEnum::Impl(block) = &item.inner {
            lister.trait_impl(index, block);
        }
    }
    lister.surface
}

struct Lister<'a> {
    docs: &'a Docs,
    names: &'a Names,
    surface: Surface,
}

impl Lister<'_> {
    fn add(&mut self, owner: &str, key: &str, text: String) {
        self.surface.insert(key.to_owned(), Entry { owner: owner.to_owned(), text });
    }

    /// Adds what cannot be written down as well, so that it never counts as the same.
    fn add_text(&mut self, owner: &str, key: &str, text: Result<String, Unnameable>) {
        let text = text.unwrap_or_else(|Unnameable(name)| format!("{key} mentions `{name}`, which has no public name"));
        self.add(owner, key, text);
    }

    fn renderer(&self, index: usize) -> Renderer<'_> {
        Renderer::new(self.docs, self.names, index)
    }

    fn item(&mut self, path: &str, node: Node) {
        let Some(item) = self.docs.item(node) else { return };
        if let Some(main) = self.names.main(node).filter(|main| *main != path) {
            return self.add(main, path, format!("another path of {main}"));
        }
        match &item.inner {
            ItemEnum::Module(_) => self.add(path, path, format!("mod {path}")),
            ItemEnum::Struct(inner) => self.structure(path, node, inner),
            ItemEnum::Enum(inner) => {
                let variants = self.variants(node, &inner.variants);
                self.nominal("enum", path, node, &inner.generics, &variants);
                self.inherent(path, node, &inner.impls);
            }
            ItemEnum::Union(inner) => {
                self.nominal("union", path, node, &inner.generics, "");
                self.inherent(path, node, &inner.impls);
            }
            ItemEnum::Trait(inner) => self.trait_(path, node, inner),
            ItemEnum::Function(inner) => {
                let owner = path.rsplit_once("::").map_or(path, |(module, _)| module).to_owned();
                self.function(&owner, path, node, inner, None, "");
            }
            _ => self.value(path, node, item),
        }
    }

    /// Items that are little more than their type.
    fn value(&mut self, path: &str, node: Node, item: &Item) {
        let mut renderer = self.renderer(node.0);
        let text = match &item.inner {
            ItemEnum::Constant { type_, .. } => renderer.ty(type_).map(|ty| format!("const {path}: {ty}")),
            ItemEnum::Static(inner) => renderer.ty(&inner.type_).map(|ty| format!("static {path}: {ty}")),
            ItemEnum::TypeAlias(inner) => {
                let parameters = renderer.parameters(&inner.generics);
                renderer.ty(&inner.type_).map(|ty| format!("type {path}{parameters} = {ty}"))
            }
            other => Ok(format!("{:?} {path}", other.item_kind())),
        };
        let owner = path.rsplit_once("::").map_or(path, |(module, _)| module).to_owned();
        self.add_text(&owner, path, text);
    }

    fn nominal(&mut self, kind: &str, path: &str, node: Node, generics: &Generics, body: &str) {
        let mut renderer = self.renderer(node.0);
        let parameters = renderer.parameters(generics);
        let text = renderer.bounds_of(&[generics]).map(|bounds| format!("{kind} {path}{parameters}{bounds}{body}"));
        self.add_text(path, path, text);
    }

    fn structure(&mut self, path: &str, node: Node, inner: &Struct) {
        let mut renderer = self.renderer(node.0);
        let parameters = renderer.parameters(&inner.generics);
        let fields = self.fields(&mut renderer, node, &inner.kind);
        let text = fields.and_then(|fields| {
            Ok(format!("struct {path}{parameters}{fields}{}", renderer.bounds_of(&[&inner.generics])?))
        });
        self.add_text(path, path, text);
        self.inherent(path, node, &inner.impls);
    }

    /// The public fields; one `_` stands for any number of private ones.
    fn fields(&self, renderer: &mut Renderer<'_>, node: Node, kind: &StructKind) -> Result<String, Unnameable> {
        let (ids, hidden) = match kind {
            StructKind::Unit => return Ok(" {}".to_owned()),
            StructKind::Tuple(fields) => (fields.iter().flatten().collect(), fields.iter().any(Option::is_none)),
            StructKind::Plain { fields, has_stripped_fields } => {
                (fields.iter().collect::<Vec<_>>(), *has_stripped_fields)
            }
        };
        let mut list = Vec::new();
        for &id in ids {
            let Some(item) = self.docs.item((node.0, id)) else { continue };
            let ItemEnum::StructField(ty) = &item.inner else { continue };
            list.push(format!("{}: {}", item.name.as_deref().unwrap_or("?"), renderer.ty(ty)?));
        }
        list.extend(hidden.then(|| "_".to_owned()));
        Ok(format!(" {{ {} }}", list.join(", ")))
    }

    fn variants(&self, node: Node, ids: &[Id]) -> String {
        let names = ids.iter().filter_map(|&id| self.docs.item((node.0, id))?.name.clone());
        format!(" {{ {} }}", names.collect::<Vec<_>>().join(", "))
    }

    fn trait_(&mut self, path: &str, node: Node, inner: &Trait) {
        let mut required = Vec::new();
        for &id in &inner.items {
            let Some(item) = self.docs.item((node.0, id)) else { continue };
            let name = item.name.clone().unwrap_or_default();
            let is_required = self.trait_item(path, (node.0, id), item, &name, &inner.generics);
            required.extend(is_required.then_some(name));
        }
        required.sort();
        let mut renderer = self.renderer(node.0);
        let parameters = renderer.parameters(&inner.generics);
        let text = renderer.bounds(&inner.bounds).and_then(|supers| {
            let bounds = renderer.bounds_of(&[&inner.generics])?;
            let mark = if inner.is_unsafe { "unsafe " } else { "" };
            let object = if inner.is_dyn_compatible { ", dyn-compatible" } else { "" };
            let required = required.join(", ");
            let supers = if supers.is_empty() { supers } else { format!(": {supers}") };
            Ok(format!("{mark}trait {path}{parameters}{supers}{bounds}, requires {required}{object}"))
        });
        self.add_text(path, path, text);
    }

    /// Adds an item of a trait and says whether implementors must write it.
    fn trait_item(&mut self, path: &str, node: Node, item: &Item, name: &str, generics: &Generics) -> bool {
        let key = format!("{path}::{name}");
        match &item.inner {
            ItemEnum::Function(inner) => {
                let mark = if inner.has_body { " [provided]" } else { " [required]" };
                self.function(path, &key, node, inner, Some(("Self", generics)), mark);
                !inner.has_body
            }
            ItemEnum::AssocType { type_, .. } => {
                self.add(path, &key, format!("type {key}"));
                type_.is_none()
            }
            ItemEnum::AssocConst { type_, value } => {
                let text = self.renderer(node.0).ty(type_).map(|ty| format!("const {key}: {ty}"));
                self.add_text(path, &key, text);
                value.is_none()
            }
            _ => false,
        }
    }

    /// Adds the methods and constants of a type's own impls.
    fn inherent(&mut self, path: &str, node: Node, impls: &[Id]) {
        for &id in impls {
            let Some(ItemEnum::Impl(block)) = self.docs.item((node.0, id)).map(|item| &item.inner) else { continue };
            if block.trait_.is_some() {
                continue;
            }
            for &id in &block.items {
                self.inherent_item(path, (node.0, id), block);
            }
        }
    }

    fn inherent_item(&mut self, path: &str, node: Node, block: &Impl) {
        let Some(item) = self.docs.item(node) else { return };
        let key = format!("{path}::{}", item.name.as_deref().unwrap_or("_"));
        let self_type = {
            let mut renderer = self.renderer(node.0);
            renderer.parameters(&block.generics);
            renderer.ty(&block.for_).unwrap_or_else(|_| path.to_owned())
        };
        match &item.inner {
            ItemEnum::Function(inner) => {
                // The lifetimes of `Self` are those of the impl; in a method they are whatever they are there.
                self.function(path, &key, node, inner, Some((&self_type, &block.generics)), "");
            }
            ItemEnum::AssocConst { type_, .. } => {
                let mut renderer = self.renderer(node.0);
                renderer.set_self(self_type);
                let text = renderer.ty(type_).map(|ty| format!("const {key}: {ty}"));
                self.add_text(path, &key, text);
            }
            _ => self.add(path, &key, format!("{:?} {key}", item.inner.item_kind())),
        }
    }

    fn function(
        &mut self,
        owner: &str,
        path: &str,
        node: Node,
        function: &Function,
        around: Option<(&str, &Generics)>,
        mark: &str,
    ) {
        let mut renderer = self.renderer(node.0);
        let mut generics = Vec::new();
        if let Some((self_type, outer)) = around {
            renderer.set_self(self_type.to_owned());
            renderer.parameters(outer);
            generics.push(outer);
        }
        generics.push(&function.generics);
        let parameters = renderer.parameters(&function.generics);
        let words = header(&function.header);
        let text = renderer.signature(&function.sig).and_then(|signature| {
            Ok(format!("{words}fn {path}{parameters}{signature}{}{mark}", renderer.bounds_of(&generics)?))
        });
        self.add_text(owner, path, text);
    }

    /// Adds an impl of a trait, unless it is of no concern to users: a blanket one of the standard library, or one for
    /// a type without a public name.
    fn trait_impl(&mut self, index: usize, block: &Impl) {
        let Some(trait_) = block.trait_.as_ref().filter(|_| block.blanket_impl.is_none()) else { return };
        let trait_name = trait_.path.rsplit("::").next().unwrap_or_default();
        // That the compiler finds a type not to be one is nothing that a program may build on.
        if block.is_synthetic && (block.is_negative || !AUTO_TRAITS.contains(&trait_name)) {
            return;
        }
        let mut renderer = self.renderer(index);
        renderer.parameters(&block.generics);
        let Ok(for_) = renderer.ty(&block.for_) else { return };
        renderer.set_self(for_.clone());
        let Ok(name) = renderer.path(trait_) else { return };
        let mark = if block.is_negative { "!" } else { "" };
        let key = format!("impl {mark}{name} for {for_}");
        let text = self.impl_text(index, block, &key, renderer);
        let owner = self.first_name(&for_).or_else(|| self.first_name(&name)).unwrap_or_default();
        self.add_text(&owner, &key, text);
    }

    fn impl_text(
        &self,
        index: usize,
        block: &Impl,
        key: &str,
        mut renderer: Renderer<'_>,
    ) -> Result<String, Unnameable> {
        let mut types = Vec::new();
        for &id in &block.items {
            let Some(item) = self.docs.item((index, id)) else { continue };
            if let ItemEnum::AssocType { type_: Some(ty), .. } = &item.inner {
                types.push(format!(" {} = {}", item.name.as_deref().unwrap_or("?"), renderer.ty(ty)?));
            }
        }
        types.sort();
        Ok(format!("{key}{}{}", renderer.bounds_of(&[&block.generics])?, types.concat()))
    }

    /// The first of our own names in a text.
    fn first_name(&self, text: &str) -> Option<String> {
        let start = format!("{}::", self.docs.crate_name(0));
        let at = text.find(&start)?;
        let rest = &text[at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    }
}
