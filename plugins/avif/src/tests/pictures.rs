//! What is sent for the pictures of a file.

use super::*;

#[test]
fn sequences_are_canvases_with_their_time() {
    let sequence = seen(DEEP_SEQUENCE);
    assert_eq!(sequence.frames.len(), 5);
    assert!(sequence.frames.iter().all(|f| f.0.role == FrameRole::Picture && f.0.duration.0 > 0));
    assert_eq!((sequence.image.width, sequence.image.height), (64, 64));
}

#[test]
fn grids_are_one_picture() {
    let grid = seen(GRID);
    assert_eq!(grid.frames.len(), 1);
    assert_eq!((grid.frames[0].0.width, grid.frames[0].0.height), (1024, 770));
}

#[test]
fn gain_maps_and_parts_have_their_roles() {
    let roles = |file| seen(file).frames.iter().map(|f| f.0.role).collect::<Vec<_>>();
    assert_eq!(roles(TMAP), [FrameRole::Picture, FrameRole::GainMap]);
    assert_eq!(roles(PQ)[0], FrameRole::Picture);
    assert!(!roles(SATO).is_empty());
}
