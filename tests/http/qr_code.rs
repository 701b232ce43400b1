//! QR codes, as a camera sees them: a browser draws the picture, and an independent reader finds the text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_testkit::Chromium;
use serde_json::{Value, json};

/// Draws an image, and returns its size and its pixels: `#` for dark, `.` for light.
const DRAW: &str = r"(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement('canvas');
    const width = canvas.width = image.naturalWidth;
    const height = canvas.height = image.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let pixels = '';
    for (let at = 0; at < data.length; at += 4) pixels += data[at] < 128 ? '#' : '.';
    return { width, height, pixels };
})";

/// The text of the QR code in an SVG document.
pub(crate) fn scanned(svg: &str) -> String {
    let source = json!(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)));
    let mut chromium = Chromium::start();
    let drawn: Value = chromium.page().evaluate(&format!("{DRAW}({source})"));
    let side =
        |name: &str| usize::try_from(drawn[name].as_u64().expect("a number")).expect("it fits");
    let (width, height) = (side("width"), side("height"));
    let pixels = drawn["pixels"].as_str().expect("a text").as_bytes();
    assert_eq!(pixels.len(), width * height);
    let is_dark = |x: usize, y: usize| pixels[y * width + x] == b'#';
    let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, height, is_dark);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1, "one code in {width} × {height} pixels");
    codes[0].decode().expect("the code can be read").1
}
