//! Values of options that are more than a word or a whole number.

/// A share in percent, with or without its sign.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let value: f64 = number.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("not within 0 and 100".into()) }
}

/// A time in seconds, with or without its unit.
pub fn seconds(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('s').unwrap_or(text).trim();
    let value: f64 = number.parse().map_err(|_| "not a number".to_owned())?;
    // A thousandth is the least that the protocol can say; a month is more than anyone means.
    if (0.001..=2_678_400.0).contains(&value) {
        Ok(value)
    } else {
        Err("not within 0.001 and 2678400".into())
    }
}

/// A pause in seconds between one look and the next.
pub fn interval(text: &str) -> Result<f64, String> {
    let value = seconds(text).ok().filter(|value| (0.1..=3600.0).contains(value));
    value.ok_or_else(|| "not a number within 0.1 and 3600".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(percent("12.5%"), Ok(12.5));
        assert!(percent("101").is_err() && percent("-1").is_err() && percent("nan").is_err());
        assert_eq!(seconds("1.5s"), Ok(1.5));
        assert!(seconds("0").is_err() && seconds("inf").is_err());
        assert_eq!(interval("0.5s"), Ok(0.5));
        assert!(interval("0.01").is_err() && interval("9999").is_err());
    }
}
