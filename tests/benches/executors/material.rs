//! The images of the mixes, made once.

use std::sync::Arc;

use image::ImageFormat;
use squeezed_host::Plugin;
use squeezed_plugin_api::{Effort, Mode, Options};
use squeezed_tests::photo;

/// An image and what is asked of it.
#[derive(Clone)]
pub struct Case {
    pub plugin: Arc<Plugin>,
    pub image: Arc<Vec<u8>>,
    pub options: Options,
    /// The same for the wire.
    pub wire: String,
}

/// All of them.
pub struct Material {
    pub small_png: Case,
    pub small_jpeg: Case,
    /// Four encodes of four megapixels at best.
    pub heavy: Vec<Case>,
    /// Four JPEG requests at once.
    pub jpegs: Vec<Case>,
    /// A WebP search under a cap.
    pub capped_webp: Case,
    /// A hundred requests of all kinds.
    pub mixed: Vec<Case>,
}

fn encoded(width: u32, height: u32, seed: u32, format: ImageFormat) -> Arc<Vec<u8>> {
    let mut out = std::io::Cursor::new(Vec::new());
    photo(width, height, seed).write_to(&mut out, format).expect("encodes");
    Arc::new(out.into_inner())
}

impl Material {
    pub fn make() -> Self {
        let load = |name: &str| Arc::new(Plugin::load(&squeezed_tests::plugin(name)).expect("it loads"));
        let (png, jpeg, webp) = (load("png"), load("jpeg"), load("webp"));
        let case =
            |plugin: &Arc<Plugin>, image: Arc<Vec<u8>>, effort, quality: Option<u8>, cap: Option<f64>| {
                let options = Options {
                    effort,
                    mode: quality.map_or(Mode::Lossless, Mode::Quality),
                    max_reduction: cap,
                    ..Options::default()
                };
                let effort = match effort {
                    Effort::Fast => "fast",
                    Effort::Balanced => "balanced",
                    Effort::Best => "best",
                };
                let mut wire = format!(r#""effort":"{effort}""#);
                quality.iter().for_each(|q| wire += &format!(r#","quality":{q}"#));
                cap.iter().for_each(|c| wire += &format!(r#","max_reduction":{c}"#));
                Case { plugin: plugin.clone(), image, options, wire }
            };
        let (small, other) =
            (encoded(128, 104, 1, ImageFormat::Png), encoded(900, 640, 2, ImageFormat::Jpeg));
        let large = |seed, format| encoded(2304, 1736, seed, format);
        let (balanced, best) = (Effort::Balanced, Effort::Best);
        let mixed = (0..100).map(|n| match n % 10 {
            0 => case(&png, encoded(800, 600, n, ImageFormat::Png), Effort::Fast, None, None),
            1 => case(&webp, encoded(640, 480, n, ImageFormat::WebP), Effort::Fast, Some(75), None),
            2..5 => case(&jpeg, encoded(900, 640, n, ImageFormat::Jpeg), balanced, None, None),
            _ => case(&png, encoded(100 + n, 80, n, ImageFormat::Png), Effort::Fast, None, None),
        });
        Self {
            small_png: case(&png, small, balanced, None, None),
            small_jpeg: case(&jpeg, other, balanced, None, None),
            heavy: vec![
                case(&webp, large(3, ImageFormat::WebP), best, Some(75), None),
                case(&webp, large(4, ImageFormat::WebP), best, Some(70), None),
                case(&jpeg, large(5, ImageFormat::Jpeg), best, Some(75), None),
                case(&webp, large(6, ImageFormat::WebP), best, Some(80), None),
            ],
            jpegs: (10..14)
                .map(|n| case(&jpeg, large(n, ImageFormat::Jpeg), balanced, Some(80), None))
                .collect(),
            capped_webp: case(&webp, large(7, ImageFormat::WebP), balanced, Some(80), Some(20.0)),
            mixed: mixed.collect(),
        }
    }

    /// The small ones with their names.
    pub fn small(&self) -> [(&'static str, &Case); 2] {
        [("PNG 20 KB", &self.small_png), ("JPEG 50 KB", &self.small_jpeg)]
    }
}
