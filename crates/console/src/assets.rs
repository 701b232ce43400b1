//! Assets: the files of the pages, embedded, under paths that name their content.
//!
//! The path of a file has a digest of its content, so a browser may cache the file without a limit.

use std::borrow::Cow;

use actix_web::web::Bytes;
use sha2::{Digest, Sha256};

use crate::brand::Brand;

/// The files of the pages.
#[derive(Debug)]
pub(crate) struct Assets(Vec<Asset>);

/// A file.
#[derive(Debug)]
pub(crate) struct Asset {
    name: &'static str,
    path: String,
    pub(crate) media_type: &'static str,
    pub(crate) content: Bytes,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

impl Assets {
    /// The embedded files, and those that depend on the brand.
    pub(crate) fn new(brand: &Brand) -> Self {
        let stylesheet = concat!(
            include_str!("../assets/tokens.css"),
            include_str!("../assets/base.css"),
            include_str!("../assets/components.css")
        );
        let stylesheet = format!("{stylesheet}{}", brand.css());
        let (logo, logo_type) = brand.logo.content();
        let script =
            |name, text: &'static str| Asset::new(name, SCRIPT, Cow::from(text.as_bytes()));
        Self(vec![
            Asset::new("console.css", CSS, Cow::Owned(stylesheet.into_bytes())),
            script("passkey.js", include_str!("../assets/passkey.js")),
            script("secret.js", include_str!("../assets/secret.js")),
            script("tail.js", include_str!("../assets/tail.js")),
            script("matrix.js", include_str!("../assets/matrix.js")),
            Asset::new(brand.logo.file_name(), logo_type, logo),
        ])
    }

    /// The path of the file with this name; empty if there is none.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.0.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.path)
    }

    /// The file under this path.
    pub(crate) fn at(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.path == path)
    }
}

impl Asset {
    fn new(name: &'static str, media_type: &'static str, content: Cow<'static, [u8]>) -> Self {
        let content = match content {
            Cow::Borrowed(content) => Bytes::from_static(content),
            Cow::Owned(content) => Bytes::from(content),
        };
        let digest = Sha256::digest(&content);
        let mark = digest.iter().take(8).fold(0_u64, |mark, byte| mark << 8 | u64::from(*byte));
        Self { name, path: format!("/console/assets/{mark:016x}/{name}"), media_type, content }
    }
}
