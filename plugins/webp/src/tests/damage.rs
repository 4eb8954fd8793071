//! Damaged and made-up files: an error or an answer, never anything else.

use squeezed_plugin_api::{ErrorCode, Metadata, Mode, Optimizer, Options, testing};

use super::{ALL, ANIM, GOPHER, ICC, RANDOM_LOSSLESS, RANDOM_LOSSY, TURNED, options};
use crate::WebP;
use crate::container::{Bitstream, Container};
use crate::riff;

#[test]
fn cut_files_are_damaged_and_nothing_else() {
    for (name, file) in ALL {
        for i in 0..16 {
            let cut = &file[..file.len() * i / 16];
            let error = testing::run(&WebP, cut, &Options::default()).map(|_| ()).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadImage, "{name} {i}/16");
        }
    }
}

#[test]
fn cut_bitstreams_in_whole_containers_are_damaged() {
    let c = Container::parse(TURNED).unwrap();
    let Bitstream::Lossy { data, .. } = &c.frames[0].image else { panic!("not lossy") };
    for keep in [30, data.len() / 2, data.len() - 40] {
        let mut body = Vec::new();
        riff::write(&mut body, *b"VP8 ", &data[..keep]).unwrap();
        let file = riff::file(&body, &[]).unwrap();
        let error = testing::run(&WebP, &file, &Options::default()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadImage, "{keep}");
    }
    let c = Container::parse(ICC).unwrap();
    let Bitstream::Lossless { data, .. } = &c.frames[0].image else { panic!("lossy") };
    for keep in [5, data.len() / 2, data.len() - 40] {
        let mut body = Vec::new();
        riff::write(&mut body, *b"VP8L", &data[..keep]).unwrap();
        let file = riff::file(&body, &[]).unwrap();
        let error = testing::run(&WebP, &file, &Options::default()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadImage, "{keep}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_files_get_an_answer(which in 0usize..4, at: proptest::sample::Index, bits in 1u8..) {
        let mut file = [GOPHER, RANDOM_LOSSLESS, RANDOM_LOSSY, ANIM][which].to_vec();
        let at = at.index(file.len().min(2000));
        file[at] ^= bits;
        let limits = squeezed_plugin_api::Limits { pixels: 200_000, total_pixels: 500_000, ..Default::default() };
        let o = Options { limits, ..options(Mode::Quality(50), Metadata::Display) };
        if let Ok(host) = testing::run(&WebP, &file, &o) {
            for offer in host.offers() {
                testing::items(&WebP, &offer.bytes).unwrap();
            }
        }
    }

    #[test]
    fn any_chunks_get_an_answer(data: Vec<u8>, head in 0usize..3) {
        let mut body = Vec::new();
        let id = [*b"VP8 ", *b"VP8L", *b"VP8X"][head];
        riff::write(&mut body, id, &data).unwrap();
        body.extend_from_slice(&data);
        let file = riff::file(&body, &data).unwrap();
        let _ = WebP.inspect(&file, &mut |_| ());
    }
}
