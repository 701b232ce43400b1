//! Reads from the sources which file of a crate uses which other file.
//!
//! File A uses file B when A names an item that B defines, by `use` or by a path in the code. Three cases
//! are not a use: a `mod` declaration, a re-export (`pub use`, `pub(crate) use`) of a name that the file
//! does not use itself, and code under `#[cfg(test)]`. A name is resolved through imports and re-exports
//! to the file that defines it: an item of a sibling, imported from the parent, is a use of the sibling.
//! Method calls and values without a name are not detected.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The uses of one crate: by user and used file, both relative to `src`, the names.
pub(crate) type Uses = BTreeMap<(String, String), BTreeSet<String>>;

/// Reads the library and each binary of the crate in `folder`.
pub(crate) fn uses(folder: &Path) -> Result<Uses, Box<dyn Error>> {
    let source = folder.join("src");
    let mut uses = Uses::new();
    for root in ["lib.rs", "main.rs"].map(|name| source.join(name)).iter().filter(|it| it.exists())
    {
        let mut modules = Modules { source: source.clone(), by_path: BTreeMap::new() };
        modules.read(&[], root, &source)?;
        modules.add_uses(&mut uses);
    }
    Ok(uses)
}

/// The names of the modules from the root of the crate down, without `crate`.
type ModulePath = Vec<String>;

struct Modules {
    source: PathBuf,
    by_path: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    /// Relative to `src`; a module in braces has the file of its parent.
    file: String,
    imports: Vec<Import>,
    paths: BTreeSet<Vec<String>>,
    definitions: BTreeSet<String>,
}

#[derive(Clone)]
struct Import {
    path: Vec<String>,
    /// The name in the module; `*` for all names.
    name: String,
    is_reexport: bool,
}

enum Token {
    Mod,
    Use,
    Pub,
    Word(String),
    /// `::`
    PathSeparator,
    Sign(char),
    Group(Delimiter, Vec<Token>),
    /// A literal or `..`.
    Other,
}

/// The target of a path.
struct Target {
    module: ModulePath,
    name: String,
}

/// The maximum depth of imports of imports; a deeper path counts as one of another crate.
const MAX_IMPORTS: usize = 16;

impl Modules {
    fn read(&mut self, path: &[String], file: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let stream = text.parse::<TokenStream>();
        let stream = stream.map_err(|error| format!("{}: {error}", file.display()))?;
        self.read_body(path, file, folder, &tokens(stream))
    }

    fn read_body(
        &mut self,
        path: &[String],
        file: &Path,
        folder: &Path,
        body: &[Token],
    ) -> Result<(), Box<dyn Error>> {
        let relative = file.strip_prefix(&self.source)?.to_string_lossy().into_owned();
        let mut module = Module { file: relative, ..Module::default() };
        let mut children = Vec::new();
        module.read(body, &mut children);
        self.by_path.insert(path.to_vec(), module);
        for (name, body) in children {
            let child = [path, &[name.to_owned()]].concat();
            let below = folder.join(name);
            if let Some(body) = body {
                self.read_body(&child, file, &below, body)?;
                continue;
            }
            let beside = below.with_extension("rs");
            let file = if beside.exists() { beside } else { below.join("mod.rs") };
            self.read(&child, &file, &below)?;
        }
        Ok(())
    }

    fn add_uses(&self, uses: &mut Uses) {
        for (path, module) in &self.by_path {
            let imports = module.imports.iter().filter(|import| {
                !import.is_reexport
                    || module.paths.iter().any(|it| it.first() == Some(&import.name))
            });
            for used in imports.map(|import| &import.path).chain(&module.paths) {
                let Some(target) = self.resolve(path, used, MAX_IMPORTS) else { continue };
                let Some(other) = self.by_path.get(&target.module) else { continue };
                if other.file != module.file {
                    let edge = (module.file.clone(), other.file.clone());
                    uses.entry(edge).or_default().insert(target.name);
                }
            }
        }
    }

    /// `None` for items of another crate or of the standard library.
    fn resolve(&self, from: &ModulePath, path: &[String], left: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let is_local = match first.as_str() {
            "crate" => return self.walk(Vec::new(), rest, left),
            "self" | "super" => true,
            name => self.knows(from, name),
        };
        if is_local { self.walk(from.clone(), path, left) } else { None }
    }

    fn walk(&self, mut at: ModulePath, path: &[String], left: usize) -> Option<Target> {
        let Some((first, rest)) = path.split_first() else {
            let name = at.last().cloned().unwrap_or_else(|| "crate".to_owned());
            return Some(Target { module: at, name });
        };
        let left = left.checked_sub(1)?;
        match first.as_str() {
            "self" => return self.walk(at, rest, left),
            "super" => {
                at.pop()?;
                return self.walk(at, rest, left);
            }
            _ => {}
        }
        let child = [at.as_slice(), std::slice::from_ref(first)].concat();
        if self.by_path.contains_key(&child) {
            return self.walk(child, rest, left);
        }
        let module = self.by_path.get(&at)?;
        if let Some(import) = module.imports.iter().find(|import| import.name == *first) {
            return self.resolve(&at, &[import.path.as_slice(), rest].concat(), left);
        }
        let everything = module.imports.iter().filter(|import| import.name == "*");
        for import in everything {
            if let Some(Target { module, .. }) = self.resolve(&at, &import.path, left)
                && module != at
                && self.knows(&module, first)
            {
                return self.walk(module, path, left);
            }
        }
        Some(Target { module: at, name: first.clone() })
    }

    fn knows(&self, at: &ModulePath, name: &str) -> bool {
        let child = [at.as_slice(), &[name.to_owned()]].concat();
        self.by_path.contains_key(&child)
            || self.by_path.get(at).is_some_and(|module| {
                module.definitions.contains(name)
                    || module.imports.iter().any(|import| import.name == name)
            })
    }
}

impl Module {
    /// Collects the names that the module uses, and its children, with their bodies if they are inline.
    fn read<'t>(
        &mut self,
        mut tokens: &'t [Token],
        children: &mut Vec<(&'t str, Option<&'t [Token]>)>,
    ) {
        loop {
            tokens = match tokens {
                [] => return,
                [Token::Sign('#'), Token::Group(Delimiter::Bracket, attribute), rest @ ..]
                    if is_for_tests(attribute) =>
                {
                    after_item(rest)
                }
                [Token::Mod, Token::Word(name), Token::Sign(';'), rest @ ..] => {
                    children.push((name, None));
                    rest
                }
                [
                    Token::Mod,
                    Token::Word(name),
                    Token::Group(Delimiter::Brace, body),
                    rest @ ..,
                ] => {
                    children.push((name, Some(body)));
                    rest
                }
                [Token::Pub, Token::Group(Delimiter::Parenthesis, _), Token::Use, rest @ ..]
                | [Token::Pub, Token::Use, rest @ ..] => self.read_import(rest, true),
                [Token::Use, rest @ ..] => self.read_import(rest, false),
                [Token::Word(word), Token::Word(name), rest @ ..]
                    if DEFINES.contains(&word.as_str()) =>
                {
                    self.definitions.insert(name.clone());
                    rest
                }
                [Token::Word(word), rest @ ..] => self.read_path(word, rest),
                [Token::Group(_, inner), rest @ ..] => {
                    self.read(inner, children);
                    rest
                }
                // A field or a method, or the name of something in a generic type.
                [Token::Sign('.') | Token::PathSeparator, Token::Word(_), rest @ ..]
                | [_, rest @ ..] => rest,
            }
        }
    }

    fn read_path<'t>(&mut self, first: &str, mut rest: &'t [Token]) -> &'t [Token] {
        let mut path = vec![first.to_owned()];
        while let [Token::PathSeparator, Token::Word(next), after @ ..] = rest {
            path.push(next.clone());
            rest = after;
        }
        let is_call =
            matches!(rest, [Token::Group(Delimiter::Parenthesis, _) | Token::Sign('!'), ..]);
        // A single lower-case letter is usually a variable or a field.
        if path.len() > 1 || is_call || first.starts_with(char::is_uppercase) {
            self.paths.insert(path);
        }
        rest
    }

    fn read_import<'t>(&mut self, tokens: &'t [Token], is_reexport: bool) -> &'t [Token] {
        let end = tokens.iter().position(|token| matches!(token, Token::Sign(';')));
        let (tree, rest) = tokens.split_at(end.unwrap_or(tokens.len()));
        self.read_tree(tree, &[], is_reexport);
        rest
    }

    fn read_tree(&mut self, tree: &[Token], above: &[String], is_reexport: bool) {
        let mut path = above.to_vec();
        let mut name = None;
        for (index, token) in tree.iter().enumerate() {
            match token {
                Token::Word(word) if word == "as" => {
                    name = match tree.get(index + 1) {
                        Some(Token::Word(alias)) => Some(alias.clone()),
                        _ => None,
                    };
                    break;
                }
                Token::Word(word) => path.push(word.clone()),
                Token::Sign('*') => name = Some("*".to_owned()),
                Token::Group(Delimiter::Brace, inner) => {
                    for branch in inner.split(|token| matches!(token, Token::Sign(','))) {
                        self.read_tree(branch, &path, is_reexport);
                    }
                    return;
                }
                _ => {}
            }
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let (Some(name), false) = (name.or_else(|| path.last().cloned()), tree.is_empty()) {
            self.imports.push(Import { path, name, is_reexport });
        }
    }
}

/// The keywords before the name of an item.
const DEFINES: &[&str] = &["const", "enum", "fn", "static", "struct", "trait", "type", "union"];

fn tokens(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        tokens.push(match tree {
            TokenTree::Group(group) => {
                Token::Group(group.delimiter(), self::tokens(group.stream()))
            }
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "mod" => Token::Mod,
                "use" => Token::Use,
                "pub" => Token::Pub,
                word => Token::Word(word.trim_start_matches("r#").to_owned()),
            },
            TokenTree::Punct(sign) if sign.as_char() == ':' && sign.spacing() == Spacing::Joint => {
                trees.next();
                Token::PathSeparator
            }
            TokenTree::Punct(sign) if sign.as_char() == '.' && sign.spacing() == Spacing::Joint => {
                trees.next();
                Token::Other
            }
            TokenTree::Punct(sign) => Token::Sign(sign.as_char()),
            TokenTree::Literal(_) => Token::Other,
        });
    }
    tokens
}

/// True if an attribute is `cfg(test)` or `cfg(all(test, …))`.
fn is_for_tests(attribute: &[Token]) -> bool {
    let is_word = |token: &Token, expected| matches!(token, Token::Word(word) if word == expected);
    let [cfg, Token::Group(_, condition)] = attribute else { return false };
    is_word(cfg, "cfg")
        && match condition.as_slice() {
            [test] => is_word(test, "test"),
            [all, Token::Group(_, conditions)] => {
                is_word(all, "all") && conditions.iter().any(|it| is_word(it, "test"))
            }
            _ => false,
        }
}

/// The tokens after an item, a field or a statement.
fn after_item(mut tokens: &[Token]) -> &[Token] {
    let (mut is_import, mut angles) = (false, 0_usize);
    loop {
        match tokens {
            [] => return tokens,
            [Token::Sign('-'), Token::Sign('>'), rest @ ..] => tokens = rest,
            [token, rest @ ..] => {
                tokens = rest;
                match token {
                    Token::Use => is_import = true,
                    Token::Sign('<') => angles += 1,
                    Token::Sign('>') => angles = angles.saturating_sub(1),
                    Token::Sign(';') => return tokens,
                    Token::Sign(',') if angles == 0 => return tokens,
                    Token::Group(Delimiter::Brace, _) if !is_import => return tokens,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The uses of a crate with these files, as `user -> used: names`.
    fn uses_of(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let line = |((user, used), names): ((String, String), BTreeSet<String>)| {
            format!("{user} -> {used}: {}", names.into_iter().collect::<Vec<_>>().join(" "))
        };
        uses(folder.path()).unwrap().into_iter().map(line).collect()
    }

    #[test]
    fn imports_and_paths_are_uses_and_declarations_are_none() {
        let root = "mod a; mod b; mod c;";
        let a = "use crate::{b::{self, One}, c as other}; fn f() { b::two(); other::three!() }";
        let b = "pub struct One; pub fn two() -> Vec<u8> { vec![crate::c::FOUR] }";
        assert_eq!(
            uses_of(&[("lib.rs", root), ("a.rs", a), ("b.rs", b), ("c.rs", "")]),
            ["a.rs -> b.rs: One b two", "a.rs -> c.rs: c three", "b.rs -> c.rs: FOUR"]
        );
    }

    #[test]
    fn a_name_is_followed_to_the_file_that_defines_it() {
        let parent =
            "mod one; mod two; pub use one::One; use std::fmt; mod inner { use super::*; }";
        assert_eq!(
            uses_of(&[
                ("main.rs", "mod parent; use parent::One;"),
                ("parent.rs", parent),
                ("parent/one.rs", "pub struct One;"),
                ("parent/two.rs", "use super::{One, fmt}; use super::super::parent as all;"),
            ]),
            [
                "main.rs -> parent/one.rs: One",
                "parent/two.rs -> parent.rs: parent",
                "parent/two.rs -> parent/one.rs: One",
            ]
        );
    }

    #[test]
    fn a_reexport_is_a_use_once_the_file_uses_the_name() {
        let root = "mod a; pub use a::{One, Two}; fn f(_: Two) {}";
        let a = "pub struct One; pub struct Two;";
        assert_eq!(uses_of(&[("lib.rs", root), ("a.rs", a)]), ["lib.rs -> a.rs: Two"]);
    }

    #[test]
    fn tests_are_no_use() {
        let root = "mod a; #[cfg(test)] mod tests { use crate::a::One; }
            #[cfg(all(test, unix))] use a::{One, Two}; struct S { #[cfg(test)] f: a::One, g: a::Two }
            #[cfg(test)] fn f<A, B>() -> a::One { a::One } #[cfg(unix)] fn g() { a::three() }";
        assert_eq!(uses_of(&[("lib.rs", root), ("a.rs", "")]), ["lib.rs -> a.rs: Two three"]);
    }
}
