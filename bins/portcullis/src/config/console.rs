//! The section `console`: name, logo and colours of the pages.

use std::io::{self, Read};
use std::path::Path;

use portcullis_console::{Brand, Color, Logo};
use portcullis_domain::open_regular_file;

use super::finding::Findings;
use super::raw;

/// The maximum of characters of the name, so that it fits beside the logo.
const MAX_NAME: usize = 60;

/// Checks the section. The default name is that of the sender of mails.
pub(crate) fn check(raw: raw::Console, product: Option<&str>, findings: &mut Findings) -> Brand {
    let brand = Brand::default();
    let default = product.unwrap_or(&brand.name).to_owned();
    let name = raw.name.unwrap_or_else(|| default.clone());
    let is_fit = !name.trim().is_empty()
        && name.chars().count() <= MAX_NAME
        && !portcullis_web::has_forbidden_character(&name);
    // A fault of the default is one of its own key.
    if !is_fit && name != default {
        let remedy = format!("write 1 to {MAX_NAME} characters, without control characters");
        findings.fault("console.name", "is no name for the pages", remedy);
    }
    let logo = raw.logo.and_then(|path| logo(&path, findings));
    let mut color = |key, text: Option<String>, page: Color, mode: &str| {
        let color = Color::parse(&text?).map_err(|error| {
            findings.refuse(key, error, "write a colour such as \"#0f6b5b\"");
        });
        let color = color.ok()?;
        let contrast = color.contrast(page);
        if contrast < Color::MIN_CONTRAST {
            let problem = format!("cannot be read on a {mode} page: its contrast is {contrast:.1}");
            findings.fault(key, problem, "choose a colour with a contrast of 4.5 or more");
        }
        Some(color)
    };
    let accent = color("console.accent", raw.accent, Color::LIGHT_PAGE, "light");
    let accent_dark = color("console.accent_dark", raw.accent_dark, Color::DARK_PAGE, "dark");
    Brand { name, logo: logo.unwrap_or(brand.logo), accent, accent_dark }
}

fn logo(path: &Path, findings: &mut Findings) -> Option<Logo> {
    const KEY: &str = "console.logo";
    let remedy = "name an SVG or PNG file of at most 64 KiB";
    let content = read(path).map_err(|error| findings.refuse(KEY, error, remedy)).ok()?;
    Logo::parse(content).map_err(|error| findings.refuse(KEY, error, remedy)).ok()
}

/// Reads one byte more than the maximum at most.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(Logo::MAX_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    open_regular_file(path)?.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
