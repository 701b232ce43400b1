//! Procedural macro that generates Rust types from the words of an access matrix file. Use it
//! through `portcullis-access`, whose feature `macros` exports it and whose paths the generated
//! code uses.

mod types;
mod words;

use std::path::PathBuf;

use proc_macro::TokenStream;
use quote::quote;
use syn::LitStr;

use crate::words::Words;

/// Documented in `portcullis-access`, which exports it.
#[proc_macro]
pub fn access_words(path: TokenStream) -> TokenStream {
    let path = syn::parse_macro_input!(path as LitStr);
    expand(&path).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(path: &LitStr) -> syn::Result<proc_macro2::TokenStream> {
    let fault = |message: String| syn::Error::new(path.span(), message);
    let file = manifest_folder().join(path.value());
    let text = std::fs::read_to_string(&file)
        .map_err(|error| fault(format!("cannot read {}: {error}", file.display())))?;
    let words =
        Words::read(&text).map_err(|message| fault(format!("{}: {message}", path.value())))?;
    let types = types::of(&words).map_err(fault)?;
    let file = file.to_string_lossy();
    Ok(quote! {
        #types

        /// The text of the matrix file.
        pub const MATRIX: &str = include_str!(#file);
    })
}

#[expect(clippy::disallowed_methods, reason = "the one way a macro learns whose files to read")]
fn manifest_folder() -> PathBuf {
    std::env::var("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default()
}
