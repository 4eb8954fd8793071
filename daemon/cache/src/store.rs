//! The cache as the daemon sees it: get, put, stats. Nothing here fails a job.
//!
//! Reading is done by the caller's thread, straight from the file. Writing is done by one thread of the store's own,
//! behind a bounded queue. Must not know what an answer means.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::complaint::Complaints;
use crate::entry::{self, Bad, Entry};
use crate::folder::{OpenError, Root};
use crate::index::{Index, Name};
use crate::queue::Queue;
use crate::writer::Writer;
use crate::{Asked, Key};

/// The time of last use is written down once in so long, so that reading an entry does not mean writing to the disk.
const TOUCH_GAP: Duration = Duration::from_secs(600);

/// A cache of results on disk. Cheap to ask from many threads at once. What waits to be written, at most 64 MiB, shares
/// its bytes with the answers that are on their way; the table of entries takes some 200 bytes for each. Dropping waits
/// for the entries that are being written and forgets the rest: [`Store::flush`] first.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// A result to keep.
#[derive(Debug, Clone)]
pub struct Put {
    /// Whose job it was.
    pub uid: u32,
    /// Which job.
    pub key: Key,
    /// The caller's own bytes, such as a receipt; at most [`crate::MAX_META`].
    pub meta: Bytes,
    /// The result; `None` for `unchanged`.
    pub body: Option<Bytes>,
    /// Also enter the result itself as `unchanged`.
    pub again: Option<Again>,
}

/// What to answer when the result comes back as an input.
#[derive(Debug, Clone)]
pub struct Again {
    /// The question that led to the result. One that does not settle ([`Asked::settles`]) enters nothing.
    pub asked: Asked,
    /// What to keep with it.
    pub meta: Bytes,
}

/// What the cache did since the start and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Answers from the cache.
    pub hits: u64,
    /// Questions without an answer, torn entries included.
    pub misses: u64,
    /// Entries that were not what had been written, and were dropped.
    pub torn: u64,
    /// Entries written.
    pub written: u64,
    /// Results not entered: the queue was full, the result too large, or the folder another daemon's.
    pub dropped: u64,
    /// Results not entered because the disk refused.
    pub failed: u64,
    /// Entries that made room for others.
    pub evicted: u64,
    /// Entries now.
    pub entries: u64,
    /// Their bytes on disk, in whole blocks.
    pub bytes: u64,
    /// Results that wait to be written.
    pub queued: u64,
    /// Whether results are entered: the lock is held and the folder was read.
    pub ready: bool,
}

/// What callers and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) bound: u64,
    /// `None` after the folder was removed under the daemon, until it is made anew.
    pub(crate) root: RwLock<Option<Arc<Root>>>,
    pub(crate) index: Mutex<Index>,
    pub(crate) queue: Queue,
    pub(crate) counters: Counters,
    pub(crate) complaints: Complaints,
    /// Cleared while another daemon has the folder. Set at the start, so that early results wait for the lock.
    pub(crate) open: AtomicBool,
    pub(crate) ready: AtomicBool,
}

/// See [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    torn: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Put {
    /// Bytes that it holds while it waits; never 0.
    pub(crate) fn bytes(&self) -> u64 {
        let again = self.again.as_ref().map_or(0, |a| a.meta.len());
        (256 + self.meta.len() + again + self.body.as_ref().map_or(0, Bytes::len)) as u64
    }
}

impl Store {
    /// Opens the cache in `folder`, which is made if it is not there, of at most `bound` bytes. What is in it is read
    /// by a thread of the cache's own. While another daemon holds the folder this one reads only.
    ///
    /// # Errors
    /// The folder is not the daemon's alone, or the system refused.
    pub fn open(folder: &Path, bound: u64) -> Result<Self, OpenError> {
        let root = Root::open(folder)?;
        let shared = Arc::new(Shared {
            path: folder.into(),
            bound,
            root: RwLock::new(Some(Arc::new(root))),
            index: Mutex::new(Index::new(bound)),
            queue: Queue::default(),
            counters: Counters::default(),
            complaints: Complaints::default(),
            open: AtomicBool::new(true),
            ready: AtomicBool::new(false),
        });
        let writer = Writer::new(shared.clone());
        let writer = std::thread::Builder::new().name("squeezed-cache".into()).spawn(move || writer.run());
        let writer = writer.map_err(|source| OpenError::Io {
            what: "start a thread for",
            path: folder.into(),
            source,
        })?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// The kept answer to this job, of an input of `input_len` bytes: memory for that many is taken. Reads a file and
    /// hashes it: not for an async runtime's thread.
    pub fn get(&self, uid: u32, key: &Key, input_len: u64) -> Option<Entry> {
        let counters = &self.shared.counters;
        let found = match self.read(uid, key, input_len) {
            Ok(found) => found,
            Err(Bad::Torn) => {
                count(&counters.torn);
                self.shared.forget(&Name { uid, key: *key });
                None
            }
            Err(Bad::Io(e)) => {
                self.shared.complaints.tell("read an entry", &e);
                None
            }
        };
        count(if found.is_some() { &counters.hits } else { &counters.misses });
        found
    }

    /// Keeps a result. Only puts it into a queue, below 1 us, without a copy; `false` if it will not be kept.
    pub fn put(&self, put: Put) -> bool {
        let taken = self.shared.open.load(Ordering::Relaxed) && self.shared.queue.push(put);
        if !taken {
            count(&self.shared.counters.dropped);
        }
        taken
    }

    /// Waits until all results are written; `false` if that takes longer than `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        self.shared.queue.flush(limit)
    }

    /// What it did and what it holds.
    pub fn stats(&self) -> Stats {
        let c = &self.shared.counters;
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (entries, bytes) = {
            let index = self.shared.index();
            (index.len(), index.bytes())
        };
        Stats {
            hits: of(&c.hits),
            misses: of(&c.misses),
            torn: of(&c.torn),
            written: of(&c.written),
            dropped: of(&c.dropped),
            failed: of(&c.failed),
            evicted: of(&c.evicted),
            entries,
            bytes,
            queued: self.shared.queue.waiting(),
            ready: self.shared.ready.load(Ordering::Relaxed),
        }
    }

    fn read(&self, uid: u32, key: &Key, input_len: u64) -> Result<Option<Entry>, Bad> {
        let Some(root) = self.shared.root() else { return Ok(None) };
        if let Some(put) = self.shared.queue.find(uid, key) {
            // Just put and on its way: whoever asks next does not have to wait for the disk.
            let entry = Entry { meta: put.meta.to_vec(), body: put.body.map(Vec::from) };
            return Ok(Some(entry).filter(|e| e.body.as_ref().is_none_or(|b| (b.len() as u64) < input_len)));
        }
        let Some(shelf) = root.shelf(uid).map_err(Bad::Io)? else { return Ok(None) };
        let Some((mut file, stat)) = shelf.open(&key.to_hex()).map_err(Bad::Io)? else { return Ok(None) };
        let len = u64::try_from(stat.st_size).map_err(|_| Bad::Torn)?;
        let entry = entry::read(&mut file, len, uid, key, input_len)?;
        self.shared.index().touch(&Name { uid, key: *key });
        let now = SystemTime::now();
        let used = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
        if now.duration_since(used).is_ok_and(|age| age > TOUCH_GAP) {
            // Only the order of leaving after a restart depends on it.
            let _ = file.set_modified(now);
        }
        Ok(Some(entry))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.queue.stop();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// The folder, if there is one.
    pub(crate) fn root(&self) -> Option<Arc<Root>> {
        self.root.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The table of entries.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops a torn entry. While another daemon has the folder, that one will.
    fn forget(&self, name: &Name) {
        if !self.ready.load(Ordering::Relaxed) {
            return;
        }
        let Some(root) = self.root() else { return };
        if let Ok(Some(shelf)) = root.shelf(name.uid) {
            let _ = shelf.remove(&name.key.to_hex());
        }
        self.index().remove(name);
    }
}
