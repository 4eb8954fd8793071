//! Counts what happened to all files, and says it at the end: in a summary and in an exit code.

use std::collections::BTreeMap;
use std::time::Duration;

use squeezed_client::{Receipt, Status};

use crate::exit::Exit;
use crate::failure::Weight;
use crate::record::Record;
use crate::size::{bytes, count, saved_percent};

/// What happened to all files so far.
#[derive(Debug, Default)]
pub struct Report {
    smaller: u64,
    before: u64,
    after: u64,
    best_so_far: u64,
    unchanged: BTreeMap<String, u64>,
    dropped: BTreeMap<String, u64>,
    skipped: BTreeMap<&'static str, u64>,
    unreadable: u64,
    unwritable: u64,
    failed: u64,
    lost: bool,
    /// Files that were not begun.
    pub left: u64,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// Whether stdout did not take what was asked for.
    pub stdout_failed: bool,
}

impl Report {
    /// Counts one file.
    pub fn add(&mut self, record: &Record) {
        match (&record.failure, &record.receipt) {
            (Some(failure), _) => {
                let counter = match failure.weight {
                    Weight::Read => &mut self.unreadable,
                    Weight::Write => &mut self.unwritable,
                    Weight::Job | Weight::Lost => &mut self.failed,
                    Weight::Skip => self.skipped.entry(skip_reason(failure.name)).or_default(),
                };
                *counter += 1;
                self.lost |= failure.weight == Weight::Lost;
            }
            (None, Some(receipt)) => self.add_receipt(receipt),
            (None, None) => {}
        }
    }

    fn add_receipt(&mut self, receipt: &Receipt) {
        self.before = self.before.saturating_add(receipt.before);
        self.after = self.after.saturating_add(receipt.after);
        self.best_so_far += u64::from(receipt.best_so_far);
        match receipt.status {
            Status::Optimized => self.smaller += 1,
            Status::Unchanged => {
                let reason = receipt.reason.map_or("for no told reason", |r| r.name());
                let detail = receipt.detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default();
                *self.unchanged.entry(format!("{reason}{detail}")).or_default() += 1;
            }
        }
        let mut kinds: Vec<&str> = receipt.dropped.iter().map(|l| l.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            *self.dropped.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// Bytes saved so far.
    pub fn saved(&self) -> u64 {
        self.before.saturating_sub(self.after)
    }

    /// Whether there is a daemon to go on with.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        let read_any = self.smaller > 0 || !self.unchanged.is_empty() || self.unwritable + self.failed > 0;
        match self {
            _ if self.interrupted => Exit::Interrupted,
            _ if self.lost => Exit::Unreachable,
            _ if self.failed > 0 || (self.unreadable > 0 && (read_any || !self.skipped.is_empty())) => {
                Exit::Failed
            }
            _ if self.unwritable > 0 || self.stdout_failed => Exit::Unwritable,
            _ if self.unreadable > 0 => Exit::Unreadable,
            _ => Exit::Ok,
        }
    }

    /// The summary, without an end of line.
    pub fn summary(&self, took: Duration, dry_run: bool) -> String {
        let unchanged = self.unchanged.values().sum::<u64>();
        let failed = self.unreadable + self.unwritable + self.failed;
        let skipped = self.skipped.values().sum::<u64>();
        let all = self.smaller + unchanged + failed + skipped;
        if all + self.left == 0 {
            return "squeeze: there are no files".into();
        }
        let mut first =
            format!("squeeze: {}: {} smaller, {unchanged} unchanged", count(all, "file"), self.smaller);
        for (number, what) in [(skipped, "skipped"), (failed, "failed")] {
            if number > 0 {
                first += &format!(", {number} {what}");
            }
        }
        let mut lines = vec![first];
        if self.before > 0 {
            let (before, after, saved) = (bytes(self.before), bytes(self.after), bytes(self.saved()));
            let percent = saved_percent(self.before, self.after);
            let seconds = took.as_secs_f64();
            lines.push(format!("{before} -> {after}, {saved} ({percent:.1} %) saved in {seconds:.1} s"));
        }
        let listed = |map: &BTreeMap<String, u64>| {
            map.iter().map(|(what, n)| format!("{what} {n}")).collect::<Vec<_>>().join(", ")
        };
        if !self.dropped.is_empty() {
            let kinds = self.dropped.iter().map(|(kind, n)| format!("{kind} from {}", count(*n, "file")));
            lines.push(format!("dropped: {}", kinds.collect::<Vec<_>>().join(", ")));
        }
        if unchanged > 0 {
            lines.push(format!("unchanged: {}", listed(&self.unchanged)));
        }
        if skipped > 0 {
            let reasons = self.skipped.iter().map(|(what, n)| format!("{what} {n}"));
            lines.push(format!("skipped: {}", reasons.collect::<Vec<_>>().join(", ")));
        }
        if self.best_so_far > 0 {
            lines
                .push(format!("deadline: the best so far was taken for {}", count(self.best_so_far, "file")));
        }
        if self.left > 0 {
            lines.push(format!("not begun: {}", count(self.left, "file")));
        }
        if dry_run {
            lines.push("nothing was written (dry run)".into());
        }
        lines.join("\n  ")
    }
}

fn skip_reason(name: &'static str) -> &'static str {
    match name {
        "UNSUPPORTED_FORMAT" => "not an image",
        "EXISTS" => "output exists",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use squeezed_client::{Label, PluginId, Reason};
    use std::io;
    use std::path::Path;

    fn receipt(status: Status, reason: Option<Reason>, before: u64, after: u64) -> Receipt {
        let dropped = vec![
            Label { kind: "gps".into(), name: "a".into() },
            Label { kind: "gps".into(), name: "b".into() },
        ];
        Receipt {
            status,
            reason,
            detail: None,
            format: "jpeg".into(),
            method: "m".into(),
            quality: None,
            pixels_identical: true,
            before,
            after,
            width: 1,
            height: 1,
            frames: 1,
            source_quality: None,
            kept: vec![],
            dropped: if status == Status::Optimized { dropped } else { vec![] },
            trials: vec![],
            omitted: 0,
            plugin: PluginId { id: "jpeg".into(), version: "1".into() },
            judged_by: None,
            isolation: "none".into(),
            best_so_far: false,
            reused: None,
            queue_ms: 0.0,
            run_ms: 0.0,
        }
    }

    fn done(receipt: Receipt) -> Record {
        Record { path: "a".into(), output: None, receipt: Some(receipt), failure: None }
    }

    fn failed(failure: Failure) -> Record {
        Record::failed(Path::new("a"), failure)
    }

    fn exit(records: &[Record]) -> Exit {
        let mut report = Report::default();
        records.iter().for_each(|r| report.add(r));
        report.exit()
    }

    #[test]
    fn the_highest_code_wins() {
        let read = || failed(Failure::read(&io::ErrorKind::NotFound.into()));
        let write = || failed(Failure::write("x", &io::ErrorKind::StorageFull.into()));
        let job = || failed(Failure::refused("BAD_IMAGE", "x"));
        let skip = || failed(Failure::skip("EXISTS", "x"));
        let lost = || failed(Failure::lost("x"));
        let good = || done(receipt(Status::Unchanged, Some(Reason::AlreadyOptimal), 5, 5));
        assert_eq!(exit(&[]), Exit::Ok);
        assert_eq!(exit(&[good(), skip()]), Exit::Ok);
        assert_eq!(exit(&[read(), read()]), Exit::Unreadable);
        assert_eq!(exit(&[read(), good()]), Exit::Failed, "some could be read");
        assert_eq!(exit(&[write(), good()]), Exit::Unwritable);
        assert_eq!(exit(&[write(), read()]), Exit::Failed);
        assert_eq!(exit(&[write(), job()]), Exit::Failed);
        assert_eq!(exit(&[job(), lost()]), Exit::Unreachable);
    }

    #[test]
    fn the_summary_says_what_was_lost_and_why_files_stayed() {
        let mut report = Report::default();
        report.add(&done(receipt(Status::Optimized, None, 2_000_000, 1_500_000)));
        report.add(&done(receipt(Status::Optimized, None, 500_000, 400_000)));
        report.add(&done(receipt(Status::Unchanged, Some(Reason::Signed), 100_000, 100_000)));
        report.add(&done(receipt(Status::Unchanged, Some(Reason::AlreadyOptimal), 100_000, 100_000)));
        report.add(&failed(Failure::skip("UNSUPPORTED_FORMAT", "x")));
        report.add(&failed(Failure::refused("BAD_IMAGE", "x")));
        report.left = 3;
        insta::assert_snapshot!(report.summary(Duration::from_millis(3210), false));
        insta::assert_snapshot!(Report::default().summary(Duration::ZERO, false));
    }
}
