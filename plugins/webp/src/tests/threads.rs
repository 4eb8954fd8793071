//! What threads and a cancel may change: the time, nothing else.

use std::time::Duration;

use super::*;

fn on(threads: u32, bytes: &[u8], options: &Options) -> Vec<Offer> {
    testing::run_on(&WebP, bytes, options, threads).unwrap().offers()
}

#[test]
fn offers_do_not_depend_on_threads() {
    let plain = |mode| options(mode, Metadata::All);
    let capped = |q, cap| Options { max_reduction: Some(cap), ..plain(Mode::Quality(q)) };
    let fast = [plain(Mode::Lossless), plain(Mode::Quality(80)), capped(20, 30.0), capped(5, 60.0)];
    let best = [Mode::Lossless, Mode::Quality(80)].map(|m| Options { effort: Effort::Best, ..plain(m) });
    let mut lossy = 0;
    for (bytes, all) in [(MIXED, &fast[..]), (TURNED, &fast), (ICC, &fast), (RANDOM_LOSSLESS, &best)] {
        for options in all {
            let one = on(1, bytes, options);
            lossy += one.iter().filter(|o| !o.lossless).count();
            for threads in [2, 8] {
                assert_eq!(on(threads, bytes, options), one, "{options:?} {threads}");
            }
        }
    }
    assert!(lossy >= 4, "only {lossy}");
}

/// Two megapixels of texture.
fn large(lossless: bool) -> Vec<u8> {
    let (width, height) = (1600u32, 1250u32);
    let sample = |i: u32| (i % width / 6) ^ (i / width / 5) ^ (i.wrapping_mul(i) >> 9 & 15);
    let pixels: Vec<u32> = (0..width * height)
        .map(|i| 0xff00_0000 | sample(i) << 16 & 0xff_0000 | sample(i / 3) << 8 & 0xff00)
        .collect();
    let picture = crate::codec::Picture { width, height, pixels: &pixels };
    let never = || false;
    if lossless {
        crate::codec::encode_lossless(picture, crate::codec::Lossless { method: 0, effort: 0 }, &never)
            .unwrap()
    } else {
        let how = crate::codec::Lossy {
            quality: 98,
            method: 0,
            sharp_yuv: false,
            autofilter: false,
            filter_strength: 0,
            sns: 0,
            segments: 1,
            passes: 1,
        };
        crate::codec::encode_lossy(picture, how, &never).unwrap()
    }
}

#[test]
fn a_cancel_in_the_middle_ends_the_job() {
    for (bytes, mode) in [(large(true), Mode::Lossless), (large(false), Mode::Quality(60))] {
        for effort in [Effort::Fast, Effort::Best] {
            let options = Options { effort, ..options(mode, Metadata::All) };
            for ms in [1, 60] {
                let late = testing::cancel(&WebP, &bytes, &options, Duration::from_millis(ms)).unwrap();
                // CPU time: the longest stretch of libwebp without a question takes a fifth of a second here.
                assert!(late.is_some_and(|l| l < Duration::from_secs(2)), "{options:?} {ms}: {late:?}");
            }
        }
    }
}

#[test]
fn decoding_in_steps_gives_the_same_and_finds_damage() {
    let (width, height) = (1600, 1250);
    for lossless in [true, false] {
        let file = large(lossless);
        let c = Container::parse(&file).unwrap();
        let decoded = crate::animation::pixels(&c.frames[0], &|| false).unwrap();
        let (shown, _, _) = super::decode(&file);
        let rgba: Vec<u8> = decoded.iter().flat_map(|p| p.rotate_left(8).to_be_bytes()).collect();
        if lossless {
            assert!(rgba == shown[0].0);
        }
        assert_eq!(decoded.len(), (width * height) as usize);
        let mut data = Vec::new();
        c.frames[0].image.write(&mut data).unwrap();
        let cut = crate::codec::decode(&data[..data.len() - data.len() / 8], width, height, &|| false);
        assert_eq!(cut.unwrap_err().code, ErrorCode::BadImage);
        let stopped = crate::codec::decode(&data, width, height, &|| true);
        assert_eq!(stopped.unwrap_err().code, ErrorCode::Stopped);
    }
}
