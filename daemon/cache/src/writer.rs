//! The one thread that writes: takes the folder's lock, reads what is there, writes what comes, keeps the bound.
//!
//! An entry is written to a file of another name, made to last, and only then gets its own name; so whatever happens,
//! a name has a whole entry or none.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::folder::{Root, Shelf};
use crate::index::{Name, charge};
use crate::queue::Next;
use crate::store::{Put, Shared, count};
use crate::{InputHash, Key, MAX_META, entry};

/// How often a daemon that does not have the lock tries again: the one that has it may be draining before its end.
const RETRY: Duration = Duration::from_secs(2);
/// Names of files that are being written.
const TEMP: &str = ".squeezed-";
/// Threads that wait for the disk together: the file system makes what they wait for last in one go, so a batch takes
/// little longer than one file (measured on ext4: 0.15 ms a file instead of 2.6).
const SYNCS: usize = 8;
/// Most bytes that are written before they get their names together.
const TOGETHER: u64 = 16 << 20;
/// One entry gets at most this share of the bound: one quarter.
const LARGEST: u64 = 4;

/// The writer's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// Held for as long as this daemon may write.
    lock: Option<File>,
    serial: u64,
    staged: Vec<Staged>,
}

/// Written, without its name yet.
struct Staged {
    file: File,
    shelf: Arc<Shelf>,
    temp: String,
    name: Name,
    len: u64,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, lock: None, serial: 0, staged: Vec::new() }
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self) {
        let shared = self.shared.clone();
        loop {
            if self.lock.is_none() {
                let attached = self.attach();
                if let Err(e) = &attached {
                    shared.complaints.tell("use its folder", e);
                    self.detach();
                }
                shared.open.store(attached.is_ok_and(|has| has), Ordering::Relaxed);
            }
            match shared.queue.next(self.lock.is_none().then_some(RETRY)) {
                Next::Write(batch) => {
                    for put in batch {
                        self.enter(put);
                    }
                    self.commit();
                    shared.queue.written();
                }
                Next::Tick => {}
                Next::Stop => return,
            }
        }
    }

    /// Takes the lock and reads the folder; `false` while another daemon has it.
    fn attach(&mut self) -> io::Result<bool> {
        let root = match self.shared.root() {
            Some(root) => root,
            None => {
                let root = Arc::new(Root::open(&self.shared.path).map_err(io::Error::other)?);
                *self.shared.root.write().unwrap_or_else(PoisonError::into_inner) = Some(root.clone());
                root
            }
        };
        let Some(lock) = root.lock()? else { return Ok(false) };
        self.scan(&root)?;
        self.lock = Some(lock);
        self.shared.ready.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// Gives the folder up, to begin anew: it was removed, or cannot be used.
    fn detach(&mut self) {
        self.lock = None;
        self.shared.ready.store(false, Ordering::Relaxed);
        *self.shared.root.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.index().clear();
    }

    /// Fills the index with what is there, the least recently used first, and removes what an unfinished write left.
    fn scan(&self, root: &Root) -> io::Result<()> {
        let mut found = Vec::new();
        for uid in root.users()? {
            // One folder that somebody tampered with costs what is in it.
            let shelf = match root.shelf(uid) {
                Ok(Some(shelf)) => shelf,
                Ok(None) => continue,
                Err(e) => {
                    self.shared.complaints.tell("read a folder", &e);
                    continue;
                }
            };
            shelf.names(|name| {
                let stat = shelf.look(name).ok().flatten();
                match (Key::from_hex(name), stat) {
                    (Some(key), Some(stat)) => {
                        let len = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
                        found.push((stat.st_mtime, stat.st_mtime_nsec, len, Name { uid, key }));
                    }
                    (None, Some(_)) if name.starts_with(TEMP) => drop(shelf.remove(name)),
                    // Somebody else's: left alone.
                    _ => {}
                }
                !self.shared.queue.stopping()
            })?;
        }
        found.sort_unstable_by_key(|f| (f.0, f.1));
        {
            let mut index = self.shared.index();
            index.clear();
            for (.., len, name) in &found {
                index.insert(*name, *len);
            }
        }
        // The bound may have been lowered since.
        self.make_room(root, 0);
        Ok(())
    }

    /// Writes a result, and the entry of the result itself.
    fn enter(&mut self, put: Put) {
        let again = put.again.filter(|a| a.asked.settles()).zip(put.body.clone());
        self.stage(Name { uid: put.uid, key: put.key }, &put.meta, put.body.as_deref());
        if let Some((again, body)) = again {
            let key = Key::new(&InputHash::of(&body), &again.asked);
            self.stage(Name { uid: put.uid, key }, &again.meta, None);
        }
    }

    fn stage(&mut self, name: Name, meta: &[u8], body: Option<&[u8]>) {
        let shared = self.shared.clone();
        let len = entry::file_len(meta, body);
        if self.lock.is_none() || meta.len() > MAX_META || charge(len) > shared.bound / LARGEST {
            return count(&shared.counters.dropped);
        }
        if let Err(e) = self.write(name, len, meta, body) {
            self.failed("write an entry", &e, len);
            if e.kind() == io::ErrorKind::NotFound {
                // The folder is gone.
                self.commit();
                self.detach();
            }
        }
    }

    fn write(&mut self, name: Name, len: u64, meta: &[u8], body: Option<&[u8]>) -> io::Result<()> {
        let shared = self.shared.clone();
        let root = shared.root().ok_or(io::ErrorKind::NotFound)?;
        let shelf = match self.staged.iter().find(|s| s.name.uid == name.uid) {
            Some(staged) => staged.shelf.clone(),
            None => Arc::new(root.make_shelf(name.uid)?),
        };
        let staged = self.staged.iter().any(|s| s.name == name);
        // The table may know a file that somebody removed.
        if staged || (shared.index().touch(&name) && shelf.look(&name.key.to_hex())?.is_some()) {
            return Ok(());
        }
        let together = TOGETHER.min(shared.bound / LARGEST);
        if self.staged_bytes().saturating_add(charge(len)) > together {
            self.commit();
        }
        self.make_room(&root, self.staged_bytes().saturating_add(charge(len)));
        self.serial += 1;
        let temp = format!("{TEMP}{}-{}", std::process::id(), self.serial);
        let written = shelf.create(&temp).and_then(|mut file| {
            entry::write(&mut file, name.uid, &name.key, meta, body)?;
            Ok(file)
        });
        match written {
            Ok(file) => self.staged.push(Staged { file, shelf, temp, name, len }),
            Err(e) => {
                let _ = shelf.remove(&temp);
                return Err(e);
            }
        }
        Ok(())
    }

    /// Makes what was written last, gives it its names and makes them last too.
    fn commit(&mut self) {
        let mut shelves: Vec<Arc<Shelf>> = Vec::new();
        let staged = std::mem::take(&mut self.staged);
        let synced = sync(&staged);
        for (s, synced) in staged.into_iter().zip(synced) {
            match synced.and_then(|()| s.shelf.rename(&s.temp, &s.name.key.to_hex())) {
                Ok(()) => {
                    self.shared.index().insert(s.name, s.len);
                    count(&self.shared.counters.written);
                    if !shelves.iter().any(|known| Arc::ptr_eq(known, &s.shelf)) {
                        shelves.push(s.shelf);
                    }
                }
                Err(e) => {
                    let _ = s.shelf.remove(&s.temp);
                    self.failed("make an entry last", &e, s.len);
                }
            }
        }
        for shelf in shelves {
            if let Err(e) = shelf.sync() {
                self.shared.complaints.tell("make names last", &e);
            }
        }
    }

    fn staged_bytes(&self) -> u64 {
        self.staged.iter().map(|s| charge(s.len)).sum()
    }

    /// An entry of this length was not written. On a disk that is full below the bound so many bytes are freed: the next
    /// result gets its room, and whoever fills the disk gets it back bit by bit.
    fn failed(&self, what: &str, e: &io::Error, len: u64) {
        count(&self.shared.counters.failed);
        self.shared.complaints.tell(what, e);
        let full = matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if let Some(root) = self.shared.root().filter(|_| full) {
            let unused = self.shared.bound.saturating_sub(self.shared.index().bytes());
            self.make_room(&root, unused.saturating_add(charge(len)));
        }
    }

    /// Removes the least recently used until `coming` more bytes have room.
    fn make_room(&self, root: &Root, coming: u64) {
        loop {
            let Some(gone) = self.shared.index().evict(coming) else { return };
            count(&self.shared.counters.evicted);
            let removed = root.shelf(gone.uid).and_then(|shelf| match shelf {
                Some(shelf) => shelf.remove(&gone.key.to_hex()),
                None => Ok(()),
            });
            if let Err(e) = removed {
                self.shared.complaints.tell("remove an entry", &e);
            }
        }
    }
}

/// Waits until the disk has all of it; one result each.
fn sync(staged: &[Staged]) -> Vec<io::Result<()>> {
    let alone = |part: &[Staged]| part.iter().map(|s| s.file.sync_data()).collect::<Vec<_>>();
    let share = staged.len().div_ceil(SYNCS).max(1);
    if staged.len() <= 1 {
        return alone(staged);
    }
    std::thread::scope(|scope| {
        let spawn =
            |part| std::thread::Builder::new().spawn_scoped(scope, move || alone(part)).map_err(|_| part);
        let threads: Vec<_> = staged.chunks(share).map(spawn).collect();
        let results = threads.into_iter().zip(staged.chunks(share)).map(|(thread, part)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| alone(part)),
            // No thread to be had: one after the other.
            Err(part) => alone(part),
        });
        results.flatten().collect()
    })
}
