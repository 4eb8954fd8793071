//! What a request may ask for.

use serde::{Deserialize, Serialize};

/// What metadata stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metadata {
    /// Everything.
    #[default]
    All,
    /// What changes how the picture looks, rights and capture time.
    Display,
}

/// How much CPU to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// A first good result.
    Fast,
    /// The usual choice.
    #[default]
    Balanced,
    /// Everything that pays.
    Best,
}

/// JPEG scan order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progressive {
    /// Whichever is smaller.
    #[default]
    Auto,
    /// Progressive.
    On,
    /// Sequential.
    Off,
}

/// Options of OPTIMIZE, ESTIMATE and INSPECT. The default loses nothing. An unknown key is an error.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobOptions {
    /// Lossy at this quality, 1 to 100; absent is lossless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Metadata policy.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: Metadata,
    /// A lossy result saves at most this many percent of the best lossless one. Without `quality`, 80 is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_reduction: Option<f64>,
    /// CPU to spend.
    #[serde(skip_serializing_if = "is_default")]
    pub effort: Effort,
    /// JPEG scan order.
    #[serde(skip_serializing_if = "is_default")]
    pub progressive: Progressive,
    /// Below this saving, in percent, the original comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_savings: Option<f64>,
    /// Answer within this time of the request: the best so far, else DEADLINE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// The format that the bytes must be; absent takes what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl JobOptions {
    /// The quality to start from when lossy: the asked one, or 80 where only `max_reduction` was given.
    pub fn lossy_quality(&self) -> Option<u8> {
        self.quality.or(self.max_reduction.map(|_| 80))
    }

    /// What is wrong with these options, for a person.
    ///
    /// # Errors
    /// A sentence that names the option and its range.
    pub fn validate(&self) -> Result<(), String> {
        if let Some(q) = self.quality.filter(|q| !(1..=100).contains(q)) {
            return Err(format!("quality is {q}, but must be 1 to 100"));
        }
        for (name, value) in [("max_reduction", self.max_reduction), ("min_savings", self.min_savings)] {
            if let Some(v) = value.filter(|v| !(0.0..=100.0).contains(v)) {
                return Err(format!("{name} is {v}, but must be 0 to 100 percent"));
            }
        }
        if let (Some(cap), Some(least)) = (self.max_reduction, self.min_savings)
            && least > cap
        {
            return Err(format!("min_savings {least} is above max_reduction {cap}: no result can be both"));
        }
        if self.deadline_ms == Some(0) {
            return Err("deadline_ms is 0: leave it out for none".into());
        }
        Ok(())
    }
}
