//! `Site`: what all pages of this server have in common, prepared once: its brand and its files.

use portcullis_web::Code;

use crate::assets::Assets;
use crate::brand::Brand;

/// The brand of the operator, and the files of the pages.
#[derive(Debug)]
pub(crate) struct Site {
    /// The name of the service.
    pub(crate) name: String,
    /// The files.
    pub(crate) assets: Assets,
    /// What this server offers.
    pub(crate) offers: Offers,
    /// The path of the logo.
    pub(crate) logo: String,
    /// The path of the stylesheet.
    pub(crate) stylesheet: String,
    /// The path of the script for passkeys.
    pub(crate) passkey_script: String,
    /// The path of the script for secrets that are shown once.
    pub(crate) secret_script: String,
    /// The path of the script for new entries of the audit log.
    pub(crate) tail_script: String,
    /// The path of the script for the picture of the access matrix.
    pub(crate) matrix_script: String,
}

/// What the pages offer, by the configuration of the server.
#[derive(Clone, Copy, Debug)]
pub struct Offers {
    /// The refusal of registrations without an invitation, if they are refused.
    pub registration: Result<(), Code>,
    /// True if the server has a domain name, to which passkeys are bound.
    pub passkeys: bool,
    /// The way of the mails.
    pub mails: MailWay,
}

/// The way of the mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailWay {
    /// To a mail server.
    Server,
    /// To the output of the server, which nobody gets: for development.
    Output,
    /// They wait for a mail server.
    None,
}

impl Site {
    pub(crate) fn new(brand: Brand, offers: Offers) -> Self {
        let assets = Assets::new(&brand);
        Self {
            logo: assets.path(brand.logo.file_name()).to_owned(),
            stylesheet: assets.path("console.css").to_owned(),
            passkey_script: assets.path("passkey.js").to_owned(),
            secret_script: assets.path("secret.js").to_owned(),
            tail_script: assets.path("tail.js").to_owned(),
            matrix_script: assets.path("matrix.js").to_owned(),
            name: brand.name,
            offers,
            assets,
        }
    }
}
