//! 4 JPEG requests at once: where one decode blocks the rest they take the sum of their times.

use super::super::material;
use super::super::sample::Class;
use super::super::stage::{Pace, Stage};
use super::super::texture::Format;
use super::outcome::{Outcome, Unit};
use super::{Kit, latencies, times};

/// Times that the four are sent.
const ROUNDS: u64 = 3;

/// Plays it.
///
/// # Errors
/// When the daemon takes no connection.
pub async fn play(stage: &mut Stage, kit: &Kit) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::new("jpeg4", "4 JPEG requests at once");
    let works = vec![material::made(Class::Heavy, Format::Jpeg, (2448, 1632), 14, &kit.heavy)?];
    let alone = stage.play("jpeg4: one alone", &works, 1, 2, Pace::Close).await?;
    let one = latencies(&alone.samples).map(|s| s.p50);
    let target = stage.target.clone();
    let mut rounds = Vec::new();
    let mut most = 0;
    for _ in 0..ROUNDS {
        let (phase, running) =
            tokio::join!(stage.play("jpeg4: 4 at once", &works, 4, 4, Pace::Close), most_running(&target));
        let phase = phase?;
        most = most.max(running);
        if phase.samples.len() == 4 {
            rounds.push(phase);
        }
    }
    rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    outcome.measured("one alone, p50", one, Unit::Ms);
    outcome.measured("most running at once", Some(most as f64), Unit::Count);
    let cores = f64::from(stage.target.daemon.cores);
    let middle = rounds.get(rounds.len() / 2);
    let ideal = middle.and_then(|m| Some(m.cpu? / cores * 1000.0));
    let total = middle.map(|m| m.seconds * 1000.0);
    outcome.measured(format!("4 at once, median of {}", rounds.len()), total, Unit::Ms);
    outcome.measured("their CPU time / cores", ideal, Unit::Ms);
    let ratio = total.zip(ideal).and_then(|(total, ideal)| times(total, ideal));
    outcome.at_most("total time / (CPU time / cores)", ratio, 1.15, Unit::Times);
    Ok(outcome)
}

/// Looks for as long as something runs.
async fn most_running(target: &super::Target) -> u64 {
    let (mut most, mut quiet) = (0, 0);
    // A look costs the daemon a fraction of a millisecond.
    while quiet < 10 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let running = target.running().await;
        most = most.max(running);
        quiet = if running == 0 { quiet + 1 } else { 0 };
    }
    most
}
