//! Golden decisions: which way wins for which file. Never encoded bytes.

use squeezed_plugin_api::{Effort, Mode};

use super::*;

fn decision(input: &[u8], mode: Mode) -> String {
    let options = Options { mode, effort: Effort::Fast, ..Options::default() };
    match testing::run(&Png, input, &options) {
        Err(error) => format!("{:?}: {}", error.code, error.message),
        Ok(host) => {
            host.winner().filter(|o| o.bytes.len() < input.len()).map_or("unchanged".into(), |o| o.method)
        }
    }
}

#[test]
fn the_same_way_wins_as_ever() {
    let want = [
        ("basi3p04.png", "oxipng", "oxipng"),
        ("derived-p3-exif8-itxt-ztxt.png", "oxipng", "palette-118"),
        ("image-png-ga.png", "oxipng", "oxipng"),
        ("lighthouse-plugin-recipe-screenshot.png", "oxipng", "palette-25"),
        ("made-apng-hidden-default.png", "oxipng", "oxipng"),
        ("magick.net-Test.png", "oxipng", "oxipng"),
        (
            "oxipng-c2pa-signed.png",
            "UnsupportedFeature: signed content credentials",
            "UnsupportedFeature: signed content credentials",
        ),
        ("oxipng-interlaced_rgba_16_should_be_rgba_16.png", "oxipng", "oxipng"),
        ("shared-assets-palm3.png", "unchanged", "unchanged"),
    ];
    for (name, lossless, lossy) in want {
        let input = fixture(name);
        assert_eq!(decision(&input, Mode::Lossless), lossless, "{name}");
        assert_eq!(decision(&input, Mode::Quality(80)), lossy, "{name}");
    }
}

#[test]
fn sixteen_bits_stay_sixteen() {
    for name in ["magick.net-Test.png", "tbbn2c16.png", "oxipng-interlaced_rgba_16_should_be_rgba_16.png"] {
        let input = fixture(name);
        for mode in [Mode::Lossless, Mode::Quality(40)] {
            let out = winner(&input, &Options { mode, effort: Effort::Fast, ..Options::default() }).unwrap();
            assert_eq!(Picture::of_still(&out.bytes).unwrap().header.depth, 16, "{name}");
        }
    }
}

#[test]
fn quality_orders_sizes_and_the_cap_holds() {
    let input = fixture("derived-p3-exif8-itxt-ztxt.png");
    let size = |q| {
        let options = Options { mode: Mode::Quality(q), effort: Effort::Fast, ..Options::default() };
        let offers = testing::run(&Png, &input, &options).unwrap().offers();
        offers.iter().filter(|o| !o.lossless).map(|o| o.bytes.len()).min().unwrap()
    };
    assert!(size(30) < size(60) && size(60) < size(90));
    let options = Options {
        mode: Mode::Quality(20),
        effort: Effort::Fast,
        max_reduction: Some(60.0),
        ..Options::default()
    };
    let host = testing::run(&Png, &input, &options).unwrap();
    let best = host.offers().iter().filter(|o| o.lossless).map(|o| o.bytes.len()).min().unwrap();
    let lossy: Vec<_> = host.offers().into_iter().filter(|o| !o.lossless).collect();
    assert!(lossy.iter().all(|o| o.quality > 20 && o.bytes.len() as f64 >= best as f64 * 0.4), "{lossy:?}");
    assert_eq!(lossy.len(), 1);
}
