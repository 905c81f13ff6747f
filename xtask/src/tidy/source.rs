//! A Rust file as the rules see it: its lines, and its tokens in one flat list.
//!
//! The list is flat because most rules look for a few tokens in a row, wherever they stand; an opening bracket knows
//! where its closing one is, so a rule can still ask for what is inside.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};

use super::Breach;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ident(String),
    Punct(char),
    Literal,
    /// An opening bracket, and the index of the closing one.
    Open(Delimiter, usize),
    Close,
}

/// A token and the lines it stands on, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
    last_line: usize,
    /// Part of a doc comment, which the lexer turns into tokens.
    doc: bool,
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: String,
    pub(super) lines: Vec<String>,
    pub(super) tokens: Vec<Token>,
    /// Lines of modules that are compiled for tests alone.
    test_lines: Vec<Range<usize>>,
}

impl Source {
    /// Reads `text` as the content of `file`.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Breach> {
        let stream: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
            Breach::new(file, error.span().start().line, "this is not Rust: brackets or quotes do not match")
        })?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut tokens = Vec::new();
        flatten(stream, &lines, false, &mut tokens);
        let mut source = Self { file: file.to_owned(), lines, tokens, test_lines: Vec::new() };
        source.test_lines = source.find_test_modules();
        Ok(source)
    }

    /// Whether the file lies in `folder`.
    pub(super) fn is_in(&self, folder: &str) -> bool {
        self.file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether the file, or this line of it, is compiled for tests alone.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.is_in("tests")
            || self.file.ends_with("/tests.rs")
            || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The identifier at `index`, if there is one.
    pub(super) fn ident(&self, index: usize) -> Option<&str> {
        match &self.tokens.get(index)?.kind {
            Kind::Ident(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the token at `index` is this punctuation.
    pub(super) fn is_punct(&self, index: usize, punct: char) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == Kind::Punct(punct))
    }

    /// The lines that hold code: no comment, no blank line, no module of tests.
    pub(super) fn code_lines(&self) -> BTreeSet<usize> {
        let code = self.tokens.iter().filter(|token| !token.doc && !self.is_test(token.line));
        code.flat_map(|token| token.line..=token.last_line).collect()
    }

    /// From the `fn` of each function with a body to its last brace, with its name.
    pub(super) fn functions(&self) -> Vec<(String, Range<usize>)> {
        let starts = (0..self.tokens.len()).filter(|&index| self.ident(index) == Some("fn"));
        starts.filter_map(|index| self.function_at(index)).collect()
    }

    fn function_at(&self, index: usize) -> Option<(String, Range<usize>)> {
        // In a macro the name is `$name`; in a type, `fn(…)`, there is none.
        let at = if self.is_punct(index + 1, '$') { index + 2 } else { index + 1 };
        let name = self.ident(at)?.to_owned();
        let body = self.body_after(at)?;
        let Kind::Open(_, close) = self.tokens[body].kind else { return None };
        Some((name, self.tokens[index].line..self.tokens[close].line + 1))
    }

    /// The index of the brace that opens the body of the item whose head `index` is in; nothing if it has none.
    pub(super) fn body_after(&self, index: usize) -> Option<usize> {
        let mut at = index;
        loop {
            match self.tokens.get(at)?.kind {
                Kind::Open(Delimiter::Brace, _) => return Some(at),
                Kind::Open(_, close) => at = close + 1,
                Kind::Punct(';') | Kind::Close => return None,
                _ => at += 1,
            }
        }
    }

    /// Whether a comment of the form `// tidy: <what> because <reason>` is on this line or directly above it, be it
    /// above attributes and other comments.
    pub(super) fn is_excused(&self, what: &str, line: usize) -> bool {
        let own = self.lines.get(line - 1).is_some_and(|text| has_excuse(text, what));
        let above = self.lines[..line - 1].iter().rev().map(|text| text.trim());
        let mut above = above.take_while(|text| text.starts_with("//") || text.starts_with('#'));
        own || above.any(|text| has_excuse(text, what))
    }

    /// Whether such a comment is among the comments that open the file.
    pub(super) fn is_excused_as_a_whole(&self, what: &str) -> bool {
        let head = self.lines.iter().take_while(|text| text.starts_with("//") || text.trim().is_empty());
        head.into_iter().any(|text| has_excuse(text, what))
    }

    fn find_test_modules(&self) -> Vec<Range<usize>> {
        let starts = (0..self.tokens.len()).filter(|&index| self.ident(index) == Some("cfg"));
        starts.filter_map(|index| self.test_module_at(index)).collect()
    }

    /// The lines of the module that `cfg(test)` or `cfg(all(test, …))` at `index` belongs to.
    fn test_module_at(&self, index: usize) -> Option<Range<usize>> {
        let Kind::Open(Delimiter::Parenthesis, end) = self.tokens.get(index + 1)?.kind else { return None };
        let inside: Vec<&str> = (index + 2..end).filter_map(|at| self.ident(at)).collect();
        if !matches!(inside[..], ["test"] | ["all", "test", ..]) {
            return None;
        }
        // `end + 1` closes the attribute; others and the visibility may stand before the keyword.
        let keyword = (end + 2..end + 40).find(|&at| self.ident(at) == Some("mod"))?;
        let between = (end + 2..keyword).any(|at| self.is_punct(at, ';') || self.ident(at) == Some("fn"));
        let body = self.body_after(keyword)?;
        let Kind::Open(_, close) = self.tokens[body].kind else { return None };
        (!between).then(|| self.tokens[index].line..self.tokens[close].line + 1)
    }
}

fn has_excuse(text: &str, what: &str) -> bool {
    let reason = text.split_once(&format!("// tidy: {what} because ")).map(|(_, reason)| reason.trim());
    reason.is_some_and(|reason| !reason.is_empty())
}

fn flatten(stream: TokenStream, lines: &[String], doc: bool, tokens: &mut Vec<Token>) {
    for tree in stream {
        let span = tree.span();
        let (line, last_line) = (span.start().line, span.end().line);
        let doc = doc || is_comment(lines, span.start());
        let kind = match tree {
            TokenTree::Ident(ident) => Kind::Ident(ident.to_string()),
            TokenTree::Punct(punct) => Kind::Punct(punct.as_char()),
            TokenTree::Literal(_) => Kind::Literal,
            TokenTree::Group(group) => {
                let open = tokens.len();
                tokens.push(Token { kind: Kind::Literal, line, last_line: line, doc });
                flatten(group.stream(), lines, doc, tokens);
                tokens[open].kind = Kind::Open(group.delimiter(), tokens.len());
                tokens.push(Token { kind: Kind::Close, line: last_line, last_line, doc });
                continue;
            }
        };
        tokens.push(Token { kind, line, last_line, doc });
    }
}

/// Whether what stands at `start` is a comment: then its tokens are those of a doc comment.
fn is_comment(lines: &[String], start: LineColumn) -> bool {
    let Some(line) = lines.get(start.line - 1) else { return false };
    let rest: String = line.chars().skip(start.column).take(2).collect();
    rest == "//" || rest == "/*"
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn counts_code_and_nothing_else() {
        let text = "//! A module.\n\n/// Adds.\n#[inline]\nfn add() -> &'static str {\n    // why\n    \"a\n     b\"\n}\n\n#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
        let lines: Vec<usize> = Source::parse("src/a.rs", text).unwrap().code_lines().into_iter().collect();
        assert_eq!(lines, [4, 5, 7, 8, 9]);
    }

    #[test]
    fn finds_functions_also_in_macros() {
        let text =
            "macro_rules! m { ($n:ident) => { fn $n() {\n} } }\ntrait T { fn no_body(); }\nfn b(f: fn(u8)) {\n}\n";
        let source = Source::parse("src/a.rs", text).unwrap();
        assert_eq!(source.functions(), [("n".to_owned(), 1..3), ("b".to_owned(), 4..6)]);
    }

    #[test]
    fn an_excuse_needs_a_reason() {
        let with = Source::parse("a.rs", "// tidy: long because it is a table\n#[inline]\nfn a() {}\n").unwrap();
        assert!(with.is_excused("long", 3));
        let without = Source::parse("a.rs", "// tidy: long because \nfn a() {}\n").unwrap();
        assert!(!without.is_excused("long", 2));
    }
}
