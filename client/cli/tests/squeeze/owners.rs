//! Other people's files, as an unprivileged user meets them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use crate::picture::png;
use crate::world::World;

#[test]
fn a_file_that_would_change_its_owner_is_refused() {
    let mut w = World::unprivileged();
    w.start();
    let bytes = png(40, 40, 1);
    let path = w.file("a.png", &bytes);
    chown(&path, Some(0), Some(0)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let run = w.run("-i a.png").exits(5);
    assert!(run.err.contains("a.png: NOT_PRESERVED: it belongs to 0:0"), "{}", run.err);
    assert_eq!(w.read("a.png"), bytes);
    assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
    // Elsewhere, the copy is the user's own.
    w.run("a.png -o b.png").exits(0);
    assert_ne!(fs::metadata(w.path("b.png")).unwrap().uid(), 0);
}

#[test]
fn permissions_decide() {
    let mut w = World::unprivileged();
    w.start();
    let bytes = png(40, 40, 1);
    let set = |name: &str, mode| fs::set_permissions(w.path(name), Permissions::from_mode(mode)).unwrap();
    w.file("secret.png", &bytes);
    set("secret.png", 0);
    let run = w.run("-i secret.png").exits(3);
    assert!(run.err.contains("CANNOT_READ: no permission"), "{}", run.err);

    w.file("fixed.png", &bytes);
    set("fixed.png", 0o444);
    let run = w.run("-i fixed.png").exits(5);
    assert!(run.err.contains("READ_ONLY"), "{}", run.err);

    w.file("closed/a.png", &bytes);
    chown(w.path("closed"), Some(0), Some(0)).unwrap();
    let run = w.run("-i closed/a.png").exits(4);
    assert!(run.err.contains("CANNOT_WRITE: no file can be made in"), "{}", run.err);
    assert_eq!(w.read("closed/a.png"), bytes);

    w.file("in/hidden/a.png", &bytes);
    w.file("in/b.png", &bytes);
    set("in/hidden", 0o700);
    chown(w.path("in"), Some(65534), None).unwrap();
    let run = w.run("-r -i in").exits(5);
    assert!(run.err.contains("in/hidden: CANNOT_READ"), "{}", run.err);
    assert!(w.read("in/b.png").len() < bytes.len());
}
