//! One file from its name to its result. Knows nothing of the other files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use squeezed_client::{ErrorCode, JobOptions, Optimized, Reason};

use crate::args::{Optimize, Overwrite};
use crate::failure::Failure;
use crate::link::Link;
use crate::magic;
use crate::plan::{Destination, Item};
use crate::preserve::Attributes;
use crate::record::Record;
use crate::source::Source;
use crate::stdio::{self, shown};
use crate::write::{self, Target};

/// How often a file is sent again after its connection was lost.
const TRIES: u32 = 3;

/// How long a busy daemon is asked again where no deadline was set: longer than a program that calls it would wait.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is the same for all files of a run.
#[derive(Debug)]
pub struct Rules {
    /// What is asked of the daemon.
    pub options: JobOptions,
    /// `--preserve`
    pub preserve: bool,
    /// `--overwrite`
    pub overwrite: Overwrite,
    /// `--dry-run`: all checks are made, and nothing is written.
    pub dry_run: bool,
    /// The connection.
    pub link: Link,
}

impl Rules {
    /// The rules that the command line sets.
    pub fn new(args: &Optimize, link: Link) -> Self {
        Self {
            options: args.job_options(),
            preserve: args.preserve,
            overwrite: args.overwrite,
            dry_run: args.dry_run,
            link,
        }
    }
}

/// Works on one file.
pub async fn run(rules: Arc<Rules>, item: Item) -> Record {
    let mut record = Record { path: item.path.clone(), output: None, receipt: None, failure: None };
    if let Err(failure) = attempt(&rules, item, &mut record).await {
        record.failure = Some(failure);
    }
    record
}

async fn attempt(rules: &Arc<Rules>, item: Item, record: &mut Record) -> Result<(), Failure> {
    let linked = rules.link.get().await;
    let hello = linked.client.hello();
    let limit = hello.limits.image_bytes;
    let extensions: Vec<String> = hello.formats.iter().flat_map(|f| f.extensions.clone()).collect();
    let found = item.in_folder;
    let overwrite = rules.overwrite;
    let (item, source, bytes) = blocking(move || read(item, overwrite, &extensions, limit)).await?;
    let answer = ask(rules, &bytes).await.map_err(|failure| match failure.name {
        "UNSUPPORTED_FORMAT" if found => Failure::skip(failure.name, failure.message),
        _ => failure,
    })?;
    check(&bytes, &answer)?;
    record.receipt = Some(answer.receipt.clone());
    check_removed(&answer)?;
    let rules = rules.clone();
    record.output = blocking(move || put(&rules, &item, &source, &bytes, answer.bytes.as_deref())).await?;
    Ok(())
}

/// Works on stdin. Its result goes to a file, to stdout, or nowhere.
pub async fn stdin(
    rules: &Rules,
    output: Option<&Path>,
    input: impl Future<Output = Result<Vec<u8>, Failure>>,
) -> Record {
    let mut record = Record { path: "-".into(), output: None, receipt: None, failure: None };
    let attempt = async {
        let bytes = Bytes::from(input.await?);
        let answer = ask(rules, &bytes).await?;
        check(&bytes, &answer)?;
        record.receipt = Some(answer.receipt.clone());
        check_removed(&answer)?;
        let result = answer.bytes.unwrap_or(bytes);
        match output {
            _ if rules.dry_run => Ok(()),
            None => blocking(move || stdio::print(&result).map_err(|e| Failure::write("stdout", &e))).await,
            Some(output) => {
                let to = output.to_path_buf();
                let overwrite = rules.overwrite != Overwrite::Never;
                blocking(move || put_new(&to, &result, overwrite)).await?;
                record.output = Some(output.to_path_buf());
                Ok(())
            }
        }
    };
    record.failure = attempt.await.err();
    record
}

fn put_new(output: &Path, bytes: &[u8], overwrite: bool) -> Result<(), Failure> {
    let target = fs::canonicalize(output).unwrap_or_else(|_| output.to_path_buf());
    match fs::metadata(&target) {
        Ok(meta) if !meta.is_file() => {
            return Err(Failure::write("the output is there already", &io::Error::other("it is no file")));
        }
        Ok(_) if !overwrite => return Err(write::exists(output)),
        _ => {}
    }
    let existing = target.exists().then_some(target.as_path());
    let attributes = Attributes::Mode(write::new_mode(0o666, existing));
    write::write(&Target { path: &target, attributes, replaces: None, overwrite }, bytes)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::refused("INTERNAL", format!("a defect of squeeze: {error}"))),
    }
}

fn read(
    item: Item,
    overwrite: Overwrite,
    extensions: &[String],
    limit: u64,
) -> Result<(Item, Source, Bytes), Failure> {
    let mut source = Source::open(&item.path)?;
    if item.in_folder && !may_be_image(&item.path, source.head(), extensions) {
        return Err(Failure::skip("UNSUPPORTED_FORMAT", "not an image"));
    }
    match &item.destination {
        Destination::InPlace => source.check_replaceable(&item.path)?,
        Destination::File(to) if !wanted(to, &source, overwrite) => return Err(write::exists(to)),
        Destination::File(_) | Destination::Nowhere => {}
    }
    let bytes = source.read(limit)?;
    Ok((item, source, bytes))
}

/// Spares the daemon what nobody would call an image. What it is in truth, the daemon finds out.
fn may_be_image(path: &Path, head: &[u8], extensions: &[String]) -> bool {
    let named =
        path.extension().is_some_and(|e| extensions.iter().any(|known| e.eq_ignore_ascii_case(known)));
    named || magic::of(head).is_some()
}

fn wanted(output: &Path, source: &Source, overwrite: Overwrite) -> bool {
    let Ok(there) = fs::symlink_metadata(output) else { return true };
    match overwrite {
        Overwrite::Never => false,
        Overwrite::Older => {
            (there.mtime(), there.mtime_nsec()) < (source.meta.mtime(), source.meta.mtime_nsec())
        }
        Overwrite::Always => true,
    }
}

/// Asks the daemon, again where its connection was lost.
async fn ask(rules: &Rules, bytes: &Bytes) -> Result<Optimized, Failure> {
    let mut linked = rules.link.get().await;
    let mut alone = None;
    let mut tries = 1;
    loop {
        let job = linked.client.job(bytes.clone(), rules.options.clone());
        let job = if rules.options.deadline_ms.is_none() { job.patience(PATIENCE) } else { job };
        let error = match job.optimize().await {
            Ok(answer) => return Ok(answer),
            Err(error) if !error.wants_reconnect() || tries >= TRIES => return Err(error.into()),
            Err(error) => error,
        };
        tries += 1;
        if error.code() != Some(ErrorCode::ShuttingDown) && alone.is_none() {
            alone = Some(rules.link.alone.lock().await);
        }
        linked =
            rules.link.renew(&linked).await.map_err(|why| {
                Failure::lost(format!("{error}, and no other daemon could be reached: {why}"))
            })?;
    }
}

/// Someone asked for metadata to go: a file that still has it is no success.
fn check_removed(answer: &Optimized) -> Result<(), Failure> {
    if answer.receipt.reason != Some(Reason::MetadataNotRemoved) {
        return Ok(());
    }
    let detail = answer.receipt.detail.as_deref().unwrap_or("its plugin cannot");
    let message = format!("metadata that was to go could not be removed ({detail}); nothing was written");
    Err(Failure::refused("METADATA_NOT_REMOVED", message))
}

/// Looks at an answer before it may replace anything.
fn check(input: &[u8], answer: &Optimized) -> Result<(), Failure> {
    let defect = |text: String| {
        Err(Failure::refused("BAD_REPLY", format!("a defect of the daemon: {text}; nothing was written")))
    };
    let (receipt, size) = (&answer.receipt, answer.bytes.as_ref().map_or(input.len(), Bytes::len));
    if receipt.before != input.len() as u64 || receipt.after != size as u64 {
        return defect(format!(
            "its receipt says {} to {} bytes, but it is {} to {size}",
            receipt.before,
            receipt.after,
            input.len()
        ));
    }
    match &answer.bytes {
        Some(bytes) if bytes.len() > input.len() => {
            defect(format!("its answer of {size} bytes is larger than the input"))
        }
        Some(bytes) if !magic::same(input, bytes) => defect("its answer is of another format".into()),
        _ => Ok(()),
    }
}

/// Puts a result where it belongs, and says where that is; `None` where nothing was written.
fn put(
    rules: &Rules,
    item: &Item,
    source: &Source,
    input: &[u8],
    smaller: Option<&[u8]>,
) -> Result<Option<PathBuf>, Failure> {
    match &item.destination {
        _ if rules.dry_run => Ok(None),
        Destination::Nowhere => Ok(None),
        Destination::InPlace => {
            let Some(bytes) = smaller else { return Ok(None) };
            let target = fs::canonicalize(&item.path).map_err(|e| Failure::read(&e))?;
            let attributes =
                if rules.preserve { Attributes::OfFileWithTimes(source) } else { Attributes::OfFile(source) };
            let replaces = Some(source.identity());
            write::write(&Target { path: &target, attributes, replaces, overwrite: true }, bytes)?;
            Ok(Some(item.path.clone()))
        }
        Destination::File(output) => {
            make_folder(output.parent().unwrap_or(Path::new("")))?;
            // A link that stands under the output's name stays one.
            let target = fs::canonicalize(output).unwrap_or_else(|_| output.clone());
            let existing = target.exists().then_some(target.as_path());
            let attributes = if rules.preserve {
                Attributes::OfFileWithTimes(source)
            } else {
                Attributes::Mode(write::new_mode(source.meta.mode(), existing))
            };
            let overwrite = rules.overwrite != Overwrite::Never;
            let target = Target { path: &target, attributes, replaces: None, overwrite };
            write::write(&target, smaller.unwrap_or(input))?;
            Ok(Some(output.clone()))
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    match fs::create_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) => Err(Failure::write(format_args!("the folder {} cannot be made", shown(folder)), &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_an_image() {
        let known = ["png".to_owned(), "jpg".to_owned()];
        let may = |path: &str, head: &[u8]| may_be_image(Path::new(path), head, &known);
        assert!(may("a.PNG", b"text"), "the daemon says what is wrong with it");
        assert!(may("a", b"\x89PNG\r\n\x1a\n"));
        assert!(!may("a.txt", b"text") && !may("png", b"text") && !may("a", b""));
    }
}
