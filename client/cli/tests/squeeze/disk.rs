//! A full disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::picture::png;
use crate::world::World;

/// A small file system in memory, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf, size: &str) -> Self {
        fs::create_dir(&path).unwrap();
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).status();
        assert!(
            done.is_ok_and(|s| s.success()),
            "this test needs a tmpfs: run it as root, with mount allowed"
        );
        Self(path)
    }

    /// Writes until no block is left, then makes room for this many.
    fn fill(&self, spare_blocks: usize) {
        let mut n = 0;
        while fs::write(self.0.join(format!("filler{n}")), [0; 4096]).is_ok() {
            n += 1;
        }
        let _ = fs::remove_file(self.0.join(format!("filler{n}")));
        for n in 0..spare_blocks {
            fs::remove_file(self.0.join(format!("filler{n}"))).unwrap();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn temporary_files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    names.filter(|n| n.to_string_lossy().starts_with(".squeeze-")).count()
}

#[test]
fn a_full_disk_leaves_the_original_and_nothing_else() {
    let w = World::new();
    let old = png(150, 150, 1);
    let disk = Disk::mount(w.path("disk"), "256k");
    for spare in 0..3 {
        w.file("disk/a.png", &old);
        disk.fill(spare);
        let run = w.run("-i disk/a.png").exits(4);
        assert!(run.err.contains("disk/a.png: CANNOT_WRITE"), "{}", run.err);
        assert!(run.err.contains("free some space"), "{}", run.err);
        assert_eq!(w.read("disk/a.png"), old);
        assert_eq!(temporary_files(&disk.0), 0);
        w.file("elsewhere.png", &old);
        w.run("elsewhere.png -o disk/b.png").exits(4);
        assert!(!w.path("disk/b.png").exists());
        assert_eq!(temporary_files(&disk.0), 0);
        for entry in fs::read_dir(&disk.0).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}
