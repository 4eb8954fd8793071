//! What `optimize` does at each command. Knows jobs and pictures, not how commands are spelled.

use std::time::{Duration, Instant};

use squeezed_plugin_api::{Candidate, Error, ErrorCode, Job, Kind, Metadata, Stop};

use crate::{Command, Lie, MAGIC, Picture};

/// Items as (kind, name).
type Labels = Vec<(Kind, String)>;

const POLL: Duration = Duration::from_millis(1);
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

pub(crate) fn optimize(command: Command, mut picture: Picture, job: &Job<'_>) -> Result<(), Error> {
    match command {
        Command::Honest | Command::SlowInspect(_) | Command::HugeDims => {}
        Command::InspectPanic | Command::DecodePanic => {}
        Command::HonestLossy => return honest_lossy(picture, job),
        Command::Lie(lie) => return tell(lie, picture, job),
        Command::Panic => panic!("chaos panics as it was told"),
        Command::Fail => return Err(Error::failed("chaos fails as it was told")),
        Command::BadImage => return Err(Error::bad_image("chaos calls this image damaged")),
        Command::Unsupported => return Err(Error::unsupported("chaos")),
        Command::WouldDegrade => {
            return Err(Error::new(ErrorCode::WouldDegrade, "chaos would have to degrade it"));
        }
        Command::Hang => return Ok(wait(FOR_EVER, false, job)?),
        Command::OfferThenHang => {
            honest(picture, job)?;
            return Ok(wait(FOR_EVER, false, job)?);
        }
        Command::Sleep(ms) => wait(Duration::from_millis(ms), false, job)?,
        Command::Burn(ms) => wait(Duration::from_millis(ms), true, job)?,
        Command::Cpu(ms) => compute(Duration::from_millis(ms), job)?,
        Command::Deaf(ms) => std::thread::sleep(Duration::from_millis(ms)),
        Command::Grow => {
            picture.padding = picture.padding.saturating_add(1000);
            job.offer(&Candidate::lossless(&picture.to_bytes(), "grow"))?;
            return Ok(());
        }
        Command::Garbage => {
            job.offer(&Candidate::lossless(&[MAGIC, b"garbage"].concat(), "garbage"))?;
            return Ok(());
        }
        Command::OtherFormat => {
            job.offer(&Candidate::lossless(b"no format at all", "other-format"))?;
            return Ok(());
        }
        Command::OfferMany => {
            for i in (0..64).rev() {
                picture.padding = picture.padding.min(i);
                let method = format!("padding-{i}");
                job.offer(&Candidate::lossless(&picture.to_bytes(), &method))?;
            }
            return Ok(());
        }
        Command::Alloc(mib) => job.reserve(mib.saturating_mul(1 << 20))?,
    }
    honest(picture, job)
}

/// Drops what the policy drops; gives kept and dropped items.
fn apply(policy: Metadata, picture: &mut Picture) -> (Labels, Labels) {
    let dropped = if policy == Metadata::Display { picture.strip() } else { Vec::new() };
    (picture.items().iter().map(|(item, _)| item.label()).collect(), dropped)
}

fn honest(mut picture: Picture, job: &Job<'_>) -> Result<(), Error> {
    let (kept, dropped) = apply(job.options.metadata, &mut picture);
    picture.padding = 0;
    job.offer(&Candidate::lossless(&picture.to_bytes(), "unpad").with_metadata(&kept, &dropped))?;
    Ok(())
}

fn honest_lossy(mut picture: Picture, job: &Job<'_>) -> Result<(), Error> {
    let (kept, dropped) = apply(job.options.metadata, &mut picture);
    picture.padding /= 2;
    job.offer(&Candidate::lossless(&picture.to_bytes(), "unpad-half").with_metadata(&kept, &dropped))?;
    let Some(quality) = job.options.quality() else { return Ok(()) };
    picture.padding = 0;
    // The low bits of the high bytes go: a real, small loss that is its own fixed point.
    let step = if picture.bits == 16 { 2 } else { 1 };
    picture.samples.iter_mut().skip(step - 1).step_by(step).for_each(|b| *b &= !3);
    job.offer(&Candidate::lossy(&picture.to_bytes(), "coarse", quality).with_metadata(&kept, &dropped))?;
    Ok(())
}

fn tell(lie: Lie, mut picture: Picture, job: &Job<'_>) -> Result<(), Error> {
    let (kept, dropped) = if lie == Lie::KeepGps {
        apply(Metadata::All, &mut picture)
    } else {
        apply(job.options.metadata, &mut picture)
    };
    picture.padding = 0;
    lie.spoil(&mut picture);
    let bytes = picture.to_bytes();
    let candidate = if lie.claims_lossless() {
        Candidate::lossless(&bytes, lie.name())
    } else {
        Candidate::lossy(&bytes, lie.name(), job.options.quality().unwrap_or(80))
    };
    job.offer(&candidate.with_metadata(&kept, &dropped))?;
    Ok(())
}

/// Waits, looks at `stop` each millisecond and reports progress.
fn wait(time: Duration, busy: bool, job: &Job<'_>) -> Result<(), Stop> {
    let start = Instant::now();
    loop {
        job.check()?;
        let gone = start.elapsed();
        if gone >= time {
            return Ok(());
        }
        job.progress((gone.as_secs_f64() / time.as_secs_f64() * 1000.0) as u32);
        let pause = POLL.min(time - gone);
        if busy {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        } else {
            std::thread::sleep(pause);
        }
    }
}

/// Keeps the CPU busy until this thread has used so much of it, looks at `stop` each millisecond.
fn compute(time: Duration, job: &Job<'_>) -> Result<(), Stop> {
    let end = cpu_time() + time;
    while cpu_time() < end {
        job.check()?;
        let until = end.min(cpu_time() + POLL);
        while cpu_time() < until {
            (0..100).for_each(|_| std::hint::spin_loop());
        }
    }
    Ok(())
}

/// The CPU time that the calling thread has used.
fn cpu_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}
