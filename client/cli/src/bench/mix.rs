//! How often each class has its turn.

use std::str::FromStr;

use super::sample::Class;

/// Weights of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Mix {
    /// Of light requests.
    pub light: u32,
    /// Of heavy requests.
    pub heavy: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { light: 9, heavy: 1 }
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self { light: 0, heavy: 0 };
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or("write it as light=9,heavy=1")?;
            let weight: u32 =
                weight.trim().parse().map_err(|_| format!("{weight:?} is not a whole number"))?;
            if weight > 1_000_000 {
                return Err("a weight is at most 1000000".into());
            }
            match name.trim() {
                "light" => mix.light = weight,
                "heavy" => mix.heavy = weight,
                other => return Err(format!("there is no class {other:?}, only light and heavy")),
            }
        }
        if mix.light == 0 && mix.heavy == 0 {
            return Err("one of the weights must be above 0".into());
        }
        Ok(mix)
    }
}

impl Mix {
    /// The class of request `n`, from 0: each class spread evenly, the heavy ones in the middle of their share.
    pub fn class(self, n: u64) -> Class {
        let (heavy, all) = (u128::from(self.heavy), u128::from(self.light) + u128::from(self.heavy));
        let before = |n: u128| (n * heavy + all / 2) / all.max(1);
        if before(u128::from(n) + 1) > before(u128::from(n)) { Class::Heavy } else { Class::Light }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        assert_eq!("light=3,heavy=1".parse(), Ok(Mix { light: 3, heavy: 1 }));
        assert_eq!("heavy=1".parse(), Ok(Mix { light: 0, heavy: 1 }));
        for bad in ["", "light", "light=x", "medium=1", "light=0", "light=-1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn turns_are_even() {
        let heavy = |mix: Mix, n: u64| (0..n).filter(|i| mix.class(*i) == Class::Heavy).collect::<Vec<_>>();
        assert_eq!(heavy(Mix { light: 9, heavy: 1 }, 40), [4, 14, 24, 34]);
        assert_eq!(heavy(Mix { light: 1, heavy: 1 }, 6).len(), 3);
        assert_eq!(heavy(Mix { light: 0, heavy: 2 }, 5).len(), 5);
        assert_eq!(heavy(Mix { light: 2, heavy: 0 }, 5).len(), 0);
    }
}
