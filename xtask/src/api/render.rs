//! Types, bounds and signatures as text that is the same for the same API, whatever the source calls things.
//!
//! Argument names are left out; `Self` becomes the type; type parameters are numbered by position and lifetimes by
//! their first appearance, with those left out filled in as the compiler does; `io::Result<T>` is spelled out; bounds
//! stand in one sorted `where`. An item without a public name makes the whole signature [`Unnameable`].

use std::collections::HashMap;

use rustdoc_types::{
    AssocItemConstraint, AssocItemConstraintKind, FunctionHeader, FunctionSignature, GenericArg, GenericArgs,
    GenericBound, GenericParamDef, GenericParamDefKind, Generics, Id, Path, Term, TraitBoundModifier, Type,
    WherePredicate,
};

use super::docs::Docs;
use super::names::Names;

/// A signature mentions an item that cannot be named from outside.
#[derive(Debug)]
pub(super) struct Unnameable(pub(super) String);

type Text = Result<String, Unnameable>;

/// What a signature is written with.
pub(super) struct Renderer<'a> {
    docs: &'a Docs,
    names: &'a Names,
    /// The crate that the signature is from.
    index: usize,
    /// What `Self` means.
    self_type: Option<String>,
    types: HashMap<String, String>,
    lifetimes: HashMap<String, usize>,
    next_lifetime: usize,
    /// In an output type, the lifetime of those left out.
    output_lifetime: Option<String>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(docs: &'a Docs, names: &'a Names, index: usize) -> Self {
        Self {
            docs,
            names,
            index,
            self_type: None,
            types: HashMap::new(),
            lifetimes: HashMap::new(),
            next_lifetime: 0,
            output_lifetime: None,
        }
    }

    /// Says what `Self` means from here on.
    pub(super) fn set_self(&mut self, self_type: String) {
        self.self_type = Some(self_type);
    }

    /// Numbers the parameters of an item, after those of the items around it, and returns them as `<T0, T1>`.
    pub(super) fn parameters(&mut self, generics: &Generics) -> String {
        let mut list = Vec::new();
        for param in &generics.params {
            let synthetic = matches!(param.kind, GenericParamDefKind::Type { is_synthetic: true, .. });
            if synthetic || matches!(param.kind, GenericParamDefKind::Lifetime { .. }) {
                continue;
            }
            let name = format!("T{}", self.types.len());
            self.types.insert(param.name.clone(), name.clone());
            list.push(name);
        }
        if list.is_empty() {
            String::new()
        } else {
            format!("<{}>", list.join(", "))
        }
    }

    /// All bounds of these parameters, sorted, as ` where …`.
    pub(super) fn bounds_of(&mut self, generics: &[&Generics]) -> Text {
        let mut list = Vec::new();
        for param in generics.iter().flat_map(|generics| &generics.params) {
            self.param_bounds(param, &mut list)?;
        }
        for predicate in generics.iter().flat_map(|generics| &generics.where_predicates) {
            self.predicate(predicate, &mut list)?;
        }
        list.sort();
        list.dedup();
        Ok(if list.is_empty() { String::new() } else { format!(" where {}", list.join(", ")) })
    }

    fn param_bounds(&mut self, param: &GenericParamDef, list: &mut Vec<String>) -> Result<(), Unnameable> {
        match &param.kind {
            GenericParamDefKind::Type { is_synthetic: true, .. } => {}
            GenericParamDefKind::Type { bounds, default, .. } => {
                let name = self.types.get(&param.name).cloned().unwrap_or_else(|| param.name.clone());
                for bound in bounds {
                    list.push(format!("{name}: {}", self.bound(bound)?));
                }
                if let Some(default) = default {
                    list.push(format!("{name} = {}", self.ty(default)?));
                }
            }
            GenericParamDefKind::Const { type_, .. } => {
                let name = self.types.get(&param.name).cloned().unwrap_or_else(|| param.name.clone());
                list.push(format!("const {name}: {}", self.ty(type_)?));
            }
            GenericParamDefKind::Lifetime { outlives } => {
                for longer in outlives {
                    list.push(format!("{}: {}", self.lifetime(&param.name), self.lifetime(longer)));
                }
            }
        }
        Ok(())
    }

    fn predicate(&mut self, predicate: &WherePredicate, list: &mut Vec<String>) -> Result<(), Unnameable> {
        match predicate {
            WherePredicate::BoundPredicate { type_, bounds, .. } => {
                let name = self.ty(type_)?;
                for bound in bounds {
                    list.push(format!("{name}: {}", self.bound(bound)?));
                }
            }
            WherePredicate::LifetimePredicate { lifetime, outlives } => {
                for longer in outlives {
                    list.push(format!("{}: {}", self.lifetime(lifetime), self.lifetime(longer)));
                }
            }
            WherePredicate::EqPredicate { lhs, rhs } => list.push(format!("{} == {}", self.ty(lhs)?, self.term(rhs)?)),
        }
        Ok(())
    }

    /// `(inputs) -> output`.
    pub(super) fn signature(&mut self, signature: &FunctionSignature) -> Text {
        let first = self.next_lifetime;
        let mut inputs = Vec::new();
        let mut receiver = None;
        for (place, (name, ty)) in signature.inputs.iter().enumerate() {
            let before = self.next_lifetime;
            let text = self.ty(ty)?;
            let is_receiver = place == 0 && name == "self";
            if is_receiver && matches!(ty, Type::BorrowedRef { .. }) {
                receiver = Some(before);
            }
            inputs.push(if is_receiver { format!("self: {text}") } else { text });
        }
        let only = (self.next_lifetime == first + 1).then_some(first);
        self.output_lifetime = receiver.or(only).map(|number| format!("'{number}"));
        let output = signature.output.as_ref().map(|ty| self.ty(ty)).transpose()?;
        self.output_lifetime = None;
        let output = output.map(|text| format!(" -> {text}")).unwrap_or_default();
        Ok(format!("({}){output}", inputs.join(", ")))
    }

    pub(super) fn ty(&mut self, ty: &Type) -> Text {
        Ok(match ty {
            Type::ResolvedPath(path) => self.path(path)?,
            Type::Generic(name) => self.generic(name),
            Type::Primitive(name) => name.clone(),
            Type::Tuple(types) => format!("({})", self.list(types)?),
            Type::Slice(inner) => format!("[{}]", self.ty(inner)?),
            Type::Array { type_, len } => format!("[{}; {len}]", self.ty(type_)?),
            Type::RawPointer { is_mutable, type_ } => {
                format!("*{} {}", if *is_mutable { "mut" } else { "const" }, self.ty(type_)?)
            }
            Type::BorrowedRef { lifetime, is_mutable, type_ } => {
                let lifetime = self.lifetime(lifetime.as_deref().unwrap_or("'_"));
                format!("&{lifetime} {}{}", if *is_mutable { "mut " } else { "" }, self.ty(type_)?)
            }
            Type::ImplTrait(bounds) => format!("impl {}", self.bounds(bounds)?),
            Type::DynTrait(object) => {
                let traits: Result<Vec<_>, _> = object.traits.iter().map(|poly| self.path(&poly.trait_)).collect();
                let lifetime = object.lifetime.as_deref().map(|name| format!(" + {}", self.lifetime(name)));
                format!("dyn {}{}", traits?.join(" + "), lifetime.unwrap_or_default())
            }
            Type::FunctionPointer(pointer) => {
                format!("{}fn{}", header(&pointer.header), self.signature(&pointer.sig)?)
            }
            Type::QualifiedPath { name, self_type, trait_, .. } => {
                let of = trait_.as_ref().map(|path| self.path(path)).transpose()?.unwrap_or_default();
                format!("<{} as {of}>::{name}", self.ty(self_type)?)
            }
            Type::Infer => "_".to_owned(),
            Type::Pat { type_, .. } => self.ty(type_)?,
        })
    }

    fn generic(&self, name: &str) -> String {
        if let ("Self", Some(self_type)) = (name, &self.self_type) {
            return self_type.clone();
        }
        self.types.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn list(&mut self, types: &[Type]) -> Text {
        let list: Result<Vec<_>, _> = types.iter().map(|ty| self.ty(ty)).collect();
        Ok(list?.join(", "))
    }

    /// Numbers a lifetime; one that is left out is a new one, or in an output type the one of the receiver.
    fn lifetime(&mut self, name: &str) -> String {
        if name == "'static" {
            return name.to_owned();
        }
        let elided = name == "'_" || name.is_empty();
        if let (true, Some(output)) = (elided, &self.output_lifetime) {
            return output.clone();
        }
        let next = self.next_lifetime;
        let number = if elided { next } else { *self.lifetimes.entry(name.to_owned()).or_insert(next) };
        self.next_lifetime = next.max(number + 1);
        format!("'{number}")
    }

    pub(super) fn bounds(&mut self, bounds: &[GenericBound]) -> Text {
        let list: Result<Vec<_>, _> = bounds.iter().map(|bound| self.bound(bound)).collect();
        let mut list = list?;
        list.sort();
        Ok(list.join(" + "))
    }

    fn bound(&mut self, bound: &GenericBound) -> Text {
        Ok(match bound {
            GenericBound::TraitBound { trait_, modifier, .. } => {
                let mark = if *modifier == TraitBoundModifier::Maybe { "?" } else { "" };
                format!("{mark}{}", self.path(trait_)?)
            }
            GenericBound::Outlives(lifetime) => self.lifetime(lifetime),
            GenericBound::Use(_) => "use<…>".to_owned(),
        })
    }

    /// A path to a type or trait, with its arguments.
    pub(super) fn path(&mut self, path: &Path) -> Text {
        let name = self.name(path.id, &path.path)?;
        let args = path.args.as_deref().map(|args| self.args(args)).transpose()?.unwrap_or_default();
        // An alias of std that some write and others spell out.
        if let Some(io) = name.strip_suffix("::io::error::Result") {
            let value = args.trim_start_matches('<').strip_suffix('>').unwrap_or(&args);
            return Ok(format!("core::result::Result<{value}, {io}::io::error::Error>"));
        }
        Ok(name + &args)
    }

    fn name(&self, id: Id, written: &str) -> Text {
        let own = self.docs.item((self.index, id)).map(|item| (self.index, item.id));
        if let Some(node) = own.or_else(|| self.docs.foreign(self.index, id)) {
            let name = self.names.main(node).map(str::to_owned);
            return name.ok_or_else(|| Unnameable(format!("{}::{written}", self.docs.crate_name(node.0))));
        }
        match self.docs.foreign_path(self.index, id) {
            Some(path) => Ok(path.join("::")),
            None => Err(Unnameable(written.to_owned())),
        }
    }

    fn args(&mut self, args: &GenericArgs) -> Text {
        match args {
            GenericArgs::AngleBracketed { args, constraints } => {
                let mut list = Vec::new();
                for arg in args {
                    list.push(self.arg(arg)?);
                }
                for constraint in constraints {
                    list.push(self.constraint(constraint)?);
                }
                Ok(if list.is_empty() { String::new() } else { format!("<{}>", list.join(", ")) })
            }
            GenericArgs::Parenthesized { inputs, output } => {
                let output = output.as_ref().map(|ty| self.ty(ty)).transpose()?;
                let output = output.map(|text| format!(" -> {text}")).unwrap_or_default();
                Ok(format!("({}){output}", self.list(inputs)?))
            }
            GenericArgs::ReturnTypeNotation => Ok("(..)".to_owned()),
        }
    }

    fn arg(&mut self, arg: &GenericArg) -> Text {
        Ok(match arg {
            GenericArg::Lifetime(name) => self.lifetime(name),
            GenericArg::Type(ty) => self.ty(ty)?,
            GenericArg::Const(value) => value.value.clone().unwrap_or_else(|| value.expr.clone()),
            GenericArg::Infer => "_".to_owned(),
        })
    }

    fn constraint(&mut self, constraint: &AssocItemConstraint) -> Text {
        Ok(match &constraint.binding {
            AssocItemConstraintKind::Equality(term) => format!("{} = {}", constraint.name, self.term(term)?),
            AssocItemConstraintKind::Constraint(bounds) => format!("{}: {}", constraint.name, self.bounds(bounds)?),
        })
    }

    fn term(&mut self, term: &Term) -> Text {
        match term {
            Term::Type(ty) => self.ty(ty),
            Term::Constant(value) => Ok(value.expr.clone()),
        }
    }
}

/// The words before `fn`.
pub(super) fn header(header: &FunctionHeader) -> String {
    let words = [(header.is_const, "const "), (header.is_async, "async "), (header.is_unsafe, "unsafe ")];
    let words: String = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let abi = match &header.abi {
        rustdoc_types::Abi::Rust => String::new(),
        other => format!("extern {other:?} "),
    };
    words + &abi
}
