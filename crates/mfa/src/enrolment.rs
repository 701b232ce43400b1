//! Enrolment of an authenticator app: the `otpauth` URI of a seed, and its QR code.

use portcullis_domain::{ExposeSecret, SecretString};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use totp_rs::Builder;

use crate::TotpSeed;

/// The `otpauth` URI of a seed: the form that authenticator apps read. It contains the seed, so it is
/// a secret.
#[derive(Clone, Debug)]
pub struct EnrolmentUri(SecretString);

/// The reason why a seed has no URI or no QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// The name of the account or of the issuer is empty or contains a colon, which separates them.
    #[error("the names of issuer and account must not be empty and contain no colon")]
    Label,
    /// A QR code does not hold so much.
    #[error("the names of issuer and account are too long for a QR code")]
    TooLong,
}

/// The width of the picture in pixels; it scales to any size.
const MIN_WIDTH: u32 = 240;

impl EnrolmentUri {
    /// The URI of a seed. An app shows the issuer, the name of the service, above the account.
    pub fn new(seed: &TotpSeed, issuer: &str, account: &str) -> Result<Self, EnrolmentError> {
        if issuer.is_empty() {
            return Err(EnrolmentError::Label);
        }
        let totp = Builder::new()
            .with_secret(*seed.as_bytes())
            .with_issuer(Some(issuer))
            .with_account_name(account)
            .build();
        let uri = totp.and_then(|totp| totp.to_url()).map_err(|_| EnrolmentError::Label)?;
        Ok(Self(SecretString::from(uri)))
    }

    /// The URI.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The URI as a QR code: an SVG document of black squares on white, without script or style.
    pub fn to_svg(&self) -> Result<String, EnrolmentError> {
        let code = QrCode::with_error_correction_level(self.expose(), EcLevel::M)
            .map_err(|_| EnrolmentError::TooLong)?;
        Ok(code.render::<svg::Color<'_>>().min_dimensions(MIN_WIDTH, MIN_WIDTH).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: TotpSeed = TotpSeed::from_bytes(*b"12345678901234567890");

    /// Draws the rectangles of the picture into a grid of pixels.
    fn pixels(svg: &str) -> (usize, Vec<bool>) {
        let attribute = |name: &str| {
            let (_, rest) = svg.split_once(&format!(" {name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        let width: usize = attribute("width").parse().unwrap();
        let mut pixels = vec![false; width * width];
        for rectangle in attribute("d").split('M').skip(1) {
            let numbers: Vec<usize> = rectangle
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [left, top, wide, high, ..] = numbers[..] else { panic!("{rectangle}") };
            for y in top..top + high {
                pixels[y * width + left..y * width + left + wide].fill(true);
            }
        }
        (width, pixels)
    }

    #[test]
    fn the_uri_names_issuer_account_and_seed() {
        let uri = EnrolmentUri::new(&SEED, "Example & Co", "åda").unwrap();
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Example%20%26%20Co:%C3%A5da\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20%26%20Co",
        );
        assert!(!format!("{uri:?}").contains("GEZDGNBV"));
    }

    #[test]
    fn an_independent_reader_finds_the_uri_in_the_picture() {
        for account in ["ada", "a-rather-long-user-name-of-forty-letters", "さくら"] {
            let uri = EnrolmentUri::new(&SEED, "Example", account).unwrap();
            let (width, pixels) = pixels(&uri.to_svg().unwrap());
            let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, width, |x, y| {
                pixels[y * width + x]
            });
            let grids = image.detect_grids();
            assert_eq!(grids.len(), 1);
            assert_eq!(grids[0].decode().unwrap().1, uri.expose());
        }
    }

    #[test]
    fn the_picture_has_neither_style_nor_script() {
        let svg = EnrolmentUri::new(&SEED, "Example", "ada").unwrap().to_svg().unwrap();
        for word in ["style", "script", "href", "<!"] {
            assert!(!svg.contains(word), "{word}");
        }
    }

    #[test]
    fn names_that_an_app_would_misread_are_refused() {
        for (issuer, account) in [("", "ada"), ("Example", ""), ("Ex:ample", "ada"), ("E", "a:da")]
        {
            let refused =
                EnrolmentUri::new(&SEED, issuer, account).map(|uri| uri.0.expose_secret().len());
            assert_eq!(refused, Err(EnrolmentError::Label), "{issuer:?} {account:?}");
        }
        let long = EnrolmentUri::new(&SEED, "Example", &"x".repeat(3_000)).unwrap();
        assert_eq!(long.to_svg(), Err(EnrolmentError::TooLong));
    }
}
