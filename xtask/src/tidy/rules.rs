//! The rules that are a few tokens in the wrong place.

use proc_macro2::Delimiter;

use super::source::{Kind, Source};
use super::Breach;

/// The one file outside `sys` that may hold an unsafe block: the view of a kernel record as an event.
const VIEW_CAST: &str = "src/event/event.rs";

/// Checks the rules of this module.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut unsafe_allowed_until = 0;
    for (index, token) in source.tokens.iter().enumerate() {
        let Kind::Ident(name) = &token.kind else { continue };
        if name == "impl" {
            unsafe_allowed_until = unsafe_allowed_until.max(end_of_from_raw(source, index));
        }
        let found = match name.as_str() {
            "unsafe" if index < unsafe_allowed_until => None,
            "unsafe" => stray_unsafe(source),
            "target_os" | "target_vendor" => platform_outside_sys(source, name),
            "as" => infer_cast(source, index),
            "use" => glob_import(source, index),
            "macro_export" => Some("no exported helper macros".to_owned()),
            "todo" | "unimplemented" | "dbg" => leftover(source, index, name),
            "sleep" => sleep(source, index),
            _ => None,
        };
        breaches.extend(found.map(|message| Breach::new(&source.file, token.line, message)));
    }
    breaches
}

fn in_the_product(source: &Source) -> bool {
    source.is_in("src") || source.is_in("crates")
}

fn platform_outside_sys(source: &Source, name: &str) -> Option<String> {
    let wrong = in_the_product(source) && !source.is_in("src/sys");
    wrong.then(|| format!("`{name}` stands only below src/sys: name the capability there"))
}

fn stray_unsafe(source: &Source) -> Option<String> {
    let checked = in_the_product(source) || source.is_in("xtask") || source.is_in("examples");
    let wrong = checked && !source.is_in("src/sys") && source.file != VIEW_CAST;
    wrong.then(|| "`unsafe` stands only below src/sys and in impls of `FromRaw…`".to_owned())
}

/// Where the impl at `index` ends, if it is one of `FromRawFd` and the like.
fn end_of_from_raw(source: &Source, index: usize) -> usize {
    let Some(body) = source.body_after(index) else { return 0 };
    let is_from_raw = (index..body).any(|at| source.ident(at).is_some_and(|name| name.starts_with("FromRaw")));
    match source.tokens[body].kind {
        Kind::Open(_, close) if is_from_raw => close,
        _ => 0,
    }
}

/// `as _`, but for the one in `use Trait as _`, which casts nothing.
fn infer_cast(source: &Source, index: usize) -> Option<String> {
    if source.ident(index + 1) != Some("_") || in_use(source, index) {
        return None;
    }
    Some("`as _` hides the type: name it, or use `from`".to_owned())
}

/// Whether the token is part of a `use`: going back, nothing but paths and braces comes before the keyword.
fn in_use(source: &Source, index: usize) -> bool {
    let before = source.tokens[..index].iter().rev();
    let mut statement = before.take_while(|token| !matches!(token.kind, Kind::Punct(';') | Kind::Close));
    statement.any(|token| token.kind == Kind::Ident("use".to_owned()))
}

fn glob_import(source: &Source, index: usize) -> Option<String> {
    if source.is_test(source.tokens[index].line) {
        return None;
    }
    let statement = (index + 1..source.tokens.len()).take_while(|&at| !source.is_punct(at, ';'));
    // `+ use<'_>` in a return type is no import.
    let mut statement = statement.take_while(|&at| !source.is_punct(at, '<'));
    statement.any(|at| source.is_punct(at, '*')).then(|| "no glob imports: name what is used".to_owned())
}

fn leftover(source: &Source, index: usize, name: &str) -> Option<String> {
    source.is_punct(index + 1, '!').then(|| format!("`{name}!` was left behind"))
}

/// A call of `sleep` in the test suite: tests wait for events, not for time.
fn sleep(source: &Source, index: usize) -> Option<String> {
    let call = matches!(source.tokens.get(index + 1)?.kind, Kind::Open(Delimiter::Parenthesis, _));
    let definition = index > 0 && source.ident(index - 1) == Some("fn");
    let wrong = source.is_in("tests") && call && !definition;
    let excused = source.is_excused("sleep", source.tokens[index].line);
    (wrong && !excused).then(|| "tests do not sleep; if one must: `// tidy: sleep because …`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::messages;

    /// The rule says something of `bad`, on line 2, and nothing of `good`.
    fn rule(file: &str, word: &str, bad: &str, good: &str) {
        let found = messages(file, &format!("\n{bad}\n"));
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
        assert!(found[0].starts_with(&format!("{file}:2: ")) && found[0].contains(word), "{found:?}");
        assert_eq!(messages(file, &format!("\n{good}\n")), Vec::<String>::new(), "{good}");
    }

    #[test]
    fn platforms_stand_in_sys() {
        rule("src/poll.rs", "src/sys", "#[cfg(target_os = \"linux\")] fn a() {}", "#[cfg(unix)] fn a() {}");
        rule("src/poll.rs", "src/sys", "macro_rules! m { () => { cfg!(target_vendor = \"apple\") } }", "// target_os");
        assert!(messages("src/sys/mod.rs", "#[cfg(target_os = \"linux\")] mod epoll;").is_empty());
        assert!(messages("tests/a.rs", "#[cfg(target_os = \"linux\")] fn a() {}").is_empty());
    }

    #[test]
    fn casts_name_their_type() {
        rule("src/a.rs", "as _", "fn a() { f(1 as _) }", "fn a() { f(1 as u8) }");
        rule("xtask/src/a.rs", "as _", "fn a() { let b = c as _; }", "use std::{fmt::Write as _, io};");
    }

    #[test]
    fn imports_are_named() {
        rule("src/a.rs", "glob", "use std::io::*;", "use std::io; const A: usize = 2 * 3;");
        rule("examples/a.rs", "glob", "use std::{io::*, fmt};", "fn a() -> impl Sized + use<'_> { 2 * 3 }");
        assert!(messages("src/a.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}").is_empty());
        assert!(messages("tests/a.rs", "use util::*;").is_empty());
        assert!(messages("src/a/tests.rs", "use super::*;").is_empty());
    }

    #[test]
    fn macros_stay_inside() {
        rule("src/a.rs", "macro", "#[macro_export] macro_rules! a { () => {} }", "macro_rules! a { () => {} }");
    }

    #[test]
    fn nothing_is_left_behind() {
        rule("src/a.rs", "todo", "fn a() { todo!() }", "fn a() { /* todo!() */ }");
        rule("tests/a.rs", "dbg", "fn a() { dbg!(1); }", "fn a() { \"dbg!(1)\"; }");
        rule("xtask/src/a.rs", "unimplemented", "fn a() { unimplemented!() }", "fn unimplemented() {}");
    }

    #[test]
    fn tests_do_not_sleep() {
        let excuse = "// tidy: sleep because the kernel has no event for it\nfn a() { sleep(d) }";
        rule("tests/a.rs", "sleep", "fn a() { thread::sleep(d) }", excuse);
        rule("tests/a.rs", "sleep", "fn a() { sleep(d) }", "fn sleep(d: Duration) {}");
        assert!(messages("src/a.rs", "fn a() { sleep(d) }").is_empty());
    }

    #[test]
    fn unsafe_has_one_door() {
        let from_raw = "impl FromRawFd for A { unsafe fn from_raw_fd(fd: RawFd) -> Self { unsafe { b(fd) } } }";
        rule("src/a.rs", "unsafe", "fn a() { unsafe { b() } }", from_raw);
        let table = "macro_rules! t { ($n:ty) => { impl FromRawFd for $n { unsafe fn from_raw_fd() {} } } }";
        rule("src/a.rs", "unsafe", "impl AsRawFd for A { fn a() { unsafe { b() } } }", table);
        assert!(messages("src/sys/a.rs", "fn a() { unsafe { b() } }").is_empty());
        assert!(messages("src/event/event.rs", "fn a() { unsafe { b() } }").is_empty());
        assert!(messages("tests/a.rs", "fn a() { unsafe { b() } }").is_empty());
    }
}
