//! One stream of a connection: an upload, then a job.

use std::sync::Arc;

use squeezed_protocol::{Request, WINDOW};
use tokio::time::Instant;

use crate::executor::JobId;
use crate::job::{JobControl, Kind};
use crate::memory::{Permit, Ticket};

/// Where a stream is in its life. A stream that was answered is not here any more.
pub enum Stream {
    /// Its bytes are coming.
    Upload(Upload),
    /// It is queued or at work.
    Job(Job),
}

/// A job that was handed to the executor.
pub struct Job {
    /// Its switches.
    pub control: Arc<JobControl>,
    /// Its number in the executor.
    pub queued: JobId,
    /// When the client wants its answer.
    pub deadline: Option<Instant>,
}

/// An image on its way in.
pub struct Upload {
    /// What is asked.
    pub kind: Kind,
    /// Options and declared size.
    pub request: Request,
    /// What came so far.
    pub bytes: Vec<u8>,
    /// Memory for the window, and for the rest once granted.
    pub permits: Vec<Permit>,
    /// The place in the line for the rest.
    pub place: Option<Ticket>,
    /// When the last byte came.
    pub last_byte: Instant,
    /// When the client wants its answer.
    pub deadline: Option<Instant>,
}

/// What a piece of an upload led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// More is to come.
    More,
    /// The image is complete.
    Complete,
    /// More or fewer bytes than declared; how many came.
    WrongSize(u64),
    /// More bytes than the stream's credit: a framing error.
    BeyondCredit,
}

impl Upload {
    /// Whether all of the declared size may be sent.
    pub fn is_granted(&self) -> bool {
        self.place.is_none()
    }

    /// Bytes that the client may still send.
    pub fn credit_left(&self) -> u64 {
        let all = if self.is_granted() { self.request.size.max(WINDOW) } else { WINDOW };
        all.saturating_sub(self.bytes.len() as u64)
    }

    /// Takes a piece.
    pub fn take(&mut self, piece: &[u8], end: bool) -> Piece {
        if piece.len() as u64 > self.credit_left() {
            return Piece::BeyondCredit;
        }
        if !piece.is_empty() {
            self.last_byte = Instant::now();
        }
        let come = (self.bytes.len() + piece.len()) as u64;
        if come > self.request.size {
            return Piece::WrongSize(come);
        }
        self.bytes.extend_from_slice(piece);
        match (end, come == self.request.size) {
            (true, true) => Piece::Complete,
            (true, false) => Piece::WrongSize(come),
            (false, _) => Piece::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(size: u64) -> Upload {
        Upload {
            kind: Kind::Optimize,
            request: Request::new(size, Default::default()),
            bytes: Vec::new(),
            permits: Vec::new(),
            place: None,
            last_byte: Instant::now(),
            deadline: None,
        }
    }

    #[test]
    fn sizes_are_checked_against_the_declaration_and_the_credit() {
        let mut u = upload(10);
        assert_eq!(u.take(&[0; 6], false), Piece::More);
        assert_eq!(u.take(&[0; 4], false), Piece::More);
        assert_eq!(u.take(&[], true), Piece::Complete);
        assert_eq!(upload(10).take(&[0; 9], true), Piece::WrongSize(9));
        assert_eq!(upload(10).take(&[0; 11], false), Piece::WrongSize(11));
        assert_eq!(upload(10).take(&vec![0; WINDOW as usize + 1], false), Piece::BeyondCredit);
    }

    #[test]
    fn without_a_grant_the_window_is_all() {
        let pool = crate::memory::Pool::new(1000);
        let _held = pool.take_now(800).unwrap();
        let mut u = upload(WINDOW * 2);
        u.place = pool.take_later(800, |_| ());
        assert!(!u.is_granted());
        assert_eq!(u.take(&vec![0; WINDOW as usize], false), Piece::More);
        assert_eq!(u.take(&[0], false), Piece::BeyondCredit);
        u.place = None;
        assert_eq!(u.take(&vec![0; WINDOW as usize], true), Piece::Complete);
    }
}
