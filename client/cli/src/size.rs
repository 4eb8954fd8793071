//! Numbers as people read them.

/// Bytes with a unit: `512 B`, `1.2 kB`, `34.5 MB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64 / 1000.0;
    if n < 1000 {
        return format!("{n} B");
    }
    for unit in ["kB", "MB", "GB"] {
        if value < 999.95 {
            return format!("{value:.1} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// How much smaller `after` is than `before`, in percent; 0 for nothing.
pub fn saved_percent(before: u64, after: u64) -> f64 {
    if before == 0 { 0.0 } else { 100.0 - 100.0 * after as f64 / before as f64 }
}

/// `1 file`, `2 files`.
pub fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("{n} {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let all: Vec<String> =
            [0, 999, 1000, 1049, 999_949, 999_950, 34_500_000, 5_000_000_000_000, u64::MAX]
                .into_iter()
                .map(bytes)
                .collect();
        assert_eq!(
            all,
            ["0 B", "999 B", "1.0 kB", "1.0 kB", "999.9 kB", "1.0 MB", "34.5 MB", "5.0 TB", "18446744.1 TB"]
        );
    }

    #[test]
    fn percent_of_nothing() {
        assert_eq!(saved_percent(0, 0), 0.0);
        assert_eq!(saved_percent(200, 150), 25.0);
    }
}
