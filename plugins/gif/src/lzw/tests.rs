use proptest::prelude::*;

use super::*;

const DEEP: Depth = Depth { clears: 4, patience: 6, ahead: 4, thorough: true };
const PLAIN: Depth = Depth { clears: 1, patience: 1, ahead: 0, thorough: false };

fn plain(pixels: &[u8]) -> Choice<'_> {
    Choice { pixels, free: None, near: &[] }
}

fn there_and_back(pixels: &[u8], min_code: u8, depth: Depth) {
    let data = encode(&plain(pixels), min_code, depth, &|| Ok(())).unwrap();
    let mut back = Vec::new();
    decode(&data, min_code, pixels.len(), &mut back).unwrap();
    assert!(back == pixels);
}

fn noise(count: usize, symbols: u32) -> Vec<u8> {
    let mut seed = 7u32;
    (0..count)
        .map(|i| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Runs, noise and repetition by turns.
            if i / 3000 % 3 == 0 { (i / 700) as u8 % symbols as u8 } else { ((seed >> 16) % symbols) as u8 }
        })
        .collect()
}

#[test]
fn tables_that_fill_many_times_come_back() {
    for (count, symbols, min_code) in
        [(1, 1, 2), (100, 2, 2), (60_000, 4, 2), (60_000, 16, 4), (90_000, 200, 8)]
    {
        for depth in [PLAIN, DEEP] {
            there_and_back(&noise(count, symbols), min_code, depth);
        }
    }
}

#[test]
fn free_pixels_make_it_shorter_and_stay_right() {
    let pixels = noise(20_000, 15);
    let free: Vec<bool> = (0..pixels.len()).map(|i| i / 50 % 2 == 0).collect();
    let choice = Choice { free: Some((&free, 15)), ..plain(&pixels) };
    let data = encode(&choice, 4, DEEP, &|| Ok(())).unwrap();
    assert!(data.len() < encode(&plain(&pixels), 4, DEEP, &|| Ok(())).unwrap().len() * 8 / 10);
    let mut back = Vec::new();
    decode(&data, 4, pixels.len(), &mut back).unwrap();
    for (i, (a, b)) in pixels.iter().zip(&back).enumerate() {
        assert!(a == b || free[i] && *b == 15, "{i}");
    }
}

#[test]
fn broken_streams_are_told() {
    let data = encode(&plain(&noise(500, 16)), 4, PLAIN, &|| Ok(())).unwrap();
    let mut back = Vec::new();
    assert!(decode(&data, 4, 501, &mut back).is_err());
    assert!(decode(&data[..data.len() / 2], 4, 500, &mut back).is_err());
    // A code above all that were learnt.
    assert!(decode(&[2, 0xf4, 0xff, 0], 4, 2, &mut back).is_err());
}

proptest! {
    #[test]
    fn anything_comes_back(pixels in proptest::collection::vec(0u8..8, 1..3000), near: bool) {
        there_and_back(&pixels, 3, DEEP);
        if near {
            let near: Vec<Vec<u8>> = (0..8).map(|s| vec![s, s ^ 1]).collect();
            let data = encode(&Choice { near: &near, ..plain(&pixels) }, 3, DEEP, &|| Ok(())).unwrap();
            let mut back = Vec::new();
            decode(&data, 3, pixels.len(), &mut back).unwrap();
            prop_assert!(pixels.iter().zip(&back).all(|(a, b)| a / 2 == b / 2));
        }
    }
    #[test]
    fn garbage_ends(data: Vec<u8>, min_code in 1u8..=11) {
        let _ = decode(&data, min_code, 1000, &mut Vec::new());
    }
}
