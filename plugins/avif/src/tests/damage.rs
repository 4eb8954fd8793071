//! Whatever comes in, an answer or a named error comes out.

use super::*;

fn run(file: &[u8], mode: Mode) -> Result<(), Error> {
    let options = options(mode, Metadata::Display);
    let info = Avif.inspect(file, &mut |_| ())?;
    let host = testing::TestHost::new(file.len(), &options);
    Avif.plan(&Job::new(file, &info, &options, &host))?;
    Avif.optimize(&Job::new(file, &info, &options, &host))?;
    Avif.decode(file, &mut Seen::default())
}

#[test]
fn a_cut_file_is_bad() {
    for (name, file) in ALL {
        for cut in [0, 3, 20, file.len() / 3, file.len() / 2, file.len() / 10 * 9] {
            let Err(error) = run(&file[..cut], Mode::Lossless) else {
                panic!("{name} cut at {cut} is taken")
            };
            assert_eq!(error.code, ErrorCode::BadImage, "{name} cut at {cut}: {error}");
        }
    }
}

#[test]
fn wrong_picture_data_is_bad() {
    let mut file = PHOTO.to_vec();
    let from = file.len() / 2;
    file[from..].fill(0xff);
    let mut other = PHOTO.to_vec();
    let start = other.len() - 25_000;
    other[start..start + 40].fill(0);
    // Arithmetic coding reads anything; what it must not do is to fall over.
    for bytes in [&file, &other] {
        if let Err(error) = run(bytes, Mode::Lossless) {
            assert_eq!(error.code, ErrorCode::BadImage);
        }
    }
}

#[test]
fn flipped_bytes_end_in_an_answer_or_a_named_error() {
    for (name, file) in [("clap", CLAP), ("sequence", DEEP_SEQUENCE), ("pq", PQ)] {
        for i in (0..file.len().min(1200)).step_by(7) {
            let mut bytes = file.to_vec();
            bytes[i] ^= 0x55;
            if let Err(error) = run(&bytes, Mode::Lossless) {
                let known = [ErrorCode::BadImage, ErrorCode::UnsupportedFeature, ErrorCode::TooLarge];
                assert!(known.contains(&error.code), "{name} byte {i}: {error}");
            }
        }
    }
}

#[test]
fn limits_are_named() {
    let mut tight = options(Mode::Lossless, Metadata::All);
    tight.limits.pixels = 1000;
    let error = offers(PHOTO, &tight).1.unwrap();
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("raise pixels"), "{error}");
    let mut few = options(Mode::Lossless, Metadata::All);
    few.limits.frames = 2;
    assert_eq!(offers(DEEP_SEQUENCE, &few).1.unwrap().code, ErrorCode::TooLarge);
}

#[test]
fn a_stop_ends_the_job() {
    let options = options(Mode::Quality(30), Metadata::All);
    let info = Avif.inspect(GRID, &mut |_| ()).unwrap();
    for polls in [0, 3, 7] {
        let host = testing::TestHost::new(GRID.len(), &options);
        host.stop_after(polls);
        let error = Avif.optimize(&Job::new(GRID, &info, &options, &host)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Stopped);
    }
}

#[test]
fn unknown_options_are_refused() {
    let options = Options { extra: vec![("tune".into(), "vmaf".into())], ..Options::default() };
    assert_eq!(offers(CLAP, &options).1.unwrap().code, ErrorCode::BadOption);
}
