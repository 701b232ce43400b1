//! `Brand`: the look of the operator: name, logo and colours.

use std::borrow::Cow;
use std::fmt;

/// The name, the logo and the colours of the operator.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The name of the service, in titles and beside the logo.
    pub name: String,
    /// The logo.
    pub logo: Logo,
    /// The colour of buttons, links and marks on a light page; the built-in one if `None`.
    pub accent: Option<Color>,
    /// The same on a dark page.
    pub accent_dark: Option<Color>,
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            name: "Portcullis".to_owned(),
            logo: Logo(Image::BuiltIn),
            accent: None,
            accent_dark: None,
        }
    }
}

impl Brand {
    /// The rules that replace tokens of the stylesheet.
    pub(crate) fn css(&self) -> String {
        let rule = |color: Color| format!(":root{{--accent:{color};--on-accent:{}}}", color.ink());
        let light = self.accent.map(rule).unwrap_or_default();
        let dark = self.accent_dark.map(rule).unwrap_or_default();
        match (light.as_str(), dark.as_str()) {
            ("", "") => String::new(),
            (_, "") => format!("@media (prefers-color-scheme:light){{{light}}}"),
            _ => format!("{light}@media (prefers-color-scheme:dark){{{dark}}}"),
        }
    }
}

/// A logo: an SVG or a PNG.
#[derive(Clone, Debug)]
pub struct Logo(Image);

#[derive(Clone, Debug)]
enum Image {
    BuiltIn,
    Svg(Vec<u8>),
    Png(Vec<u8>),
}

/// The reason why a file is no logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// The file is too large.
    #[error("has more than 64 KiB")]
    TooLarge,
    /// The file is neither an SVG nor a PNG.
    #[error("is neither an SVG nor a PNG file")]
    UnknownType,
}

impl Logo {
    /// The maximum size of the file, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The logo with this content.
    ///
    /// # Errors
    ///
    /// If it is too large, or of another type.
    pub fn parse(content: Vec<u8>) -> Result<Self, LogoError> {
        if content.len() > Self::MAX_BYTES {
            return Err(LogoError::TooLarge);
        }
        if content.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self(Image::Png(content)));
        }
        match str::from_utf8(&content) {
            Ok(text) if text.contains("<svg") => Ok(Self(Image::Svg(content))),
            _ => Err(LogoError::UnknownType),
        }
    }

    pub(crate) const fn file_name(&self) -> &'static str {
        match self.0 {
            Image::BuiltIn | Image::Svg(_) => "logo.svg",
            Image::Png(_) => "logo.png",
        }
    }

    /// The content and its media type.
    pub(crate) fn content(&self) -> (Cow<'static, [u8]>, &'static str) {
        const SVG: &str = "image/svg+xml";
        match &self.0 {
            Image::BuiltIn => (Cow::Borrowed(include_bytes!("../assets/logo.svg")), SVG),
            Image::Svg(content) => (Cow::Owned(content.clone()), SVG),
            Image::Png(content) => (Cow::Owned(content.clone()), "image/png"),
        }
    }
}

/// A colour, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// The text is no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no colour of the form #rrggbb")]
pub struct ColorError;

impl Color {
    /// The page in light mode.
    pub const LIGHT_PAGE: Self = Self([0xf6, 0xf7, 0xf8]);
    /// The panels in dark mode, which are lighter than the page.
    pub const DARK_PAGE: Self = Self([0x1b, 0x1f, 0x24]);

    /// The minimum contrast of a text (WCAG 2.2, success criterion 1.4.3).
    pub const MIN_CONTRAST: f64 = 4.5;

    /// Reads `#rrggbb`.
    ///
    /// # Errors
    ///
    /// If the text has another form.
    pub fn parse(text: &str) -> Result<Self, ColorError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(ColorError)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ColorError);
        }
        let [_, red, green, blue] =
            u32::from_str_radix(digits, 16).map_err(|_| ColorError)?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }

    /// The contrast to another colour (WCAG 2.2, "contrast ratio"): from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126f64.mul_add(red, 0.7152f64.mul_add(green, 0.0722 * blue))
    }

    /// The colour of text on this one: white or black, of which one always has a contrast of 4.5.
    fn ink(self) -> Self {
        let (white, black) = (Self([0xff; 3]), Self([0; 3]));
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_six_digits() {
        assert_eq!(Color::parse("#0B6b5d").unwrap().to_string(), "#0b6b5d");
        for text in ["", "0b6b5d", "#0b6b5", "#0b6b5dd", "#0b6b5g", "#+b6b5d", "red", "#äää"] {
            assert_eq!(Color::parse(text), Err(ColorError), "{text}");
        }
    }

    #[test]
    fn the_contrast_is_that_of_the_guidelines() {
        let [white, black] = ["#ffffff", "#000000"].map(|text| Color::parse(text).unwrap());
        let gray = Color::parse("#767676").unwrap();
        assert!((white.contrast(black) - 21.0).abs() < 0.001);
        assert!((gray.contrast(white) - 4.54).abs() < 0.01);
        assert!((gray.contrast(gray) - 1.0).abs() < 0.001);
    }

    #[test]
    fn text_on_any_accent_can_be_read() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                let accent = Color([red, green, 128]);
                assert!(accent.contrast(accent.ink()) >= Color::MIN_CONTRAST, "{accent}");
            }
        }
    }

    #[test]
    fn a_logo_is_known_by_its_content() {
        assert!(Logo::parse(b"\x89PNG\r\n\x1a\nrest".to_vec()).is_ok());
        assert!(Logo::parse(b"<?xml version=\"1.0\"?><svg/>".to_vec()).is_ok());
        assert_eq!(Logo::parse(b"GIF89a".to_vec()).unwrap_err(), LogoError::UnknownType);
        let large = vec![b' '; Logo::MAX_BYTES + 1];
        assert_eq!(Logo::parse(large).unwrap_err(), LogoError::TooLarge);
    }
}
