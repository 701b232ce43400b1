//! Generation of Rust types from the words of a matrix.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::words::Words;

/// Generates the types. Refuses words that give the same Rust name or a reserved one.
pub(crate) fn of(words: &Words) -> Result<TokenStream, String> {
    let roles = of_kind("Role", "role", &words.roles)?;
    let resources = of_kind("Resource", "resource", &words.resources)?;
    let actions = of_kind("Action", "action", &words.actions)?;
    Ok(quote! { #roles #resources #actions })
}

/// Generates one enum; `kind` is its name, `noun` the name of a word in messages.
fn of_kind(kind: &str, noun: &str, words: &[String]) -> Result<TokenStream, String> {
    let names = names(words)?;
    let of_kind = format_ident!("{kind}");
    let module = format_ident!("{noun}s");
    let count = words.len();
    let summary = format!("A {noun} of the access matrix.");
    let module_summary = format!("A type for each {noun} of the access matrix.");
    let word_docs: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let unknown = format!("the access matrix has no such {noun}");
    Ok(quote! {
        #[doc = #summary]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum #of_kind {
            #(#[doc = #word_docs] #names,)*
        }

        impl #of_kind {
            /// All words, in the order of the file.
            pub const ALL: [Self; #count] = [#(Self::#names,)*];

            /// The word in the matrix file.
            pub const fn as_str(self) -> &'static str {
                match self {
                    #(Self::#names => #words,)*
                }
            }
        }

        impl ::core::fmt::Display for #of_kind {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::core::str::FromStr for #of_kind {
            type Err = &'static str;

            fn from_str(word: &str) -> ::core::result::Result<Self, Self::Err> {
                match word {
                    #(#words => Ok(Self::#names),)*
                    _ => Err(#unknown),
                }
            }
        }

        #[doc = #module_summary]
        pub mod #module {
            #(
                #[doc = #word_docs]
                #[derive(Clone, Copy, Debug)]
                pub struct #names;

                impl ::portcullis_access::Word for #names {
                    const WORD: &'static str = #words;
                }
            )*
        }
    })
}

fn names(words: &[String]) -> Result<Vec<Ident>, String> {
    let mut known: HashMap<String, &str> = HashMap::new();
    let mut names = Vec::with_capacity(words.len());
    for word in words {
        let name = camel_case(word);
        if name == "Self" {
            return Err("`self` is a word of Rust: call it otherwise".to_owned());
        }
        if let Some(other) = known.insert(name.clone(), word) {
            return Err(format!("`{other}` and `{word}` would both be `{name}`: rename one"));
        }
        names.push(Ident::new(&name, Span::call_site()));
    }
    Ok(names)
}

fn camel_case(word: &str) -> String {
    let capitalised = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    word.split('_').map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_become_camel_case() {
        let cases =
            [("read", "Read"), ("swap_request", "SwapRequest"), ("a_1b", "A1b"), ("a__b_", "AB")];
        for (word, name) in cases {
            assert_eq!(camel_case(word), name);
        }
    }

    #[test]
    fn words_that_rust_cannot_use_or_tell_apart_are_refused() {
        assert!(names(&owned(&["read", "self"])).unwrap_err().contains("`self`"));
        let both = names(&owned(&["a_b", "a__b"])).unwrap_err();
        assert_eq!(both, "`a_b` and `a__b` would both be `AB`: rename one");
        assert_eq!(names(&owned(&["a_b", "ab"])).unwrap().len(), 2);
    }
}
