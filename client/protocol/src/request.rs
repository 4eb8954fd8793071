//! Meta of the requests that carry an image.

use serde::{Deserialize, Serialize};

use crate::JobOptions;

/// Meta of OPTIMIZE, ESTIMATE and INSPECT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Bytes of the image in all; they follow in this frame's body and in DATA frames.
    pub size: u64,
    /// What is asked for.
    #[serde(default)]
    pub options: JobOptions,
    /// Whether an `unchanged` answer should carry the bytes, which the client has already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub want_unchanged_body: bool,
    /// Whether PROGRESS frames are welcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub want_progress: bool,
}

/// Why a request's meta is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RequestError(pub String);

impl Request {
    /// A request for an image of this size.
    pub fn new(size: u64, options: JobOptions) -> Self {
        Self { size, options, want_unchanged_body: false, want_progress: false }
    }

    /// Reads and checks the meta of a request.
    ///
    /// # Errors
    /// A sentence for BAD_REQUEST.
    pub fn parse(meta: &[u8]) -> Result<Self, RequestError> {
        let request: Self =
            serde_json::from_slice(meta).map_err(|e| RequestError(format!("request: {e}")))?;
        request.options.validate().map_err(RequestError)?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        let text = |json: &str| Request::parse(json.as_bytes()).unwrap_err().0;
        assert!(text(r#"{"size":1,"options":{"qualty":80}}"#).contains("qualty"));
        assert!(text(r#"{"size":1,"options":{"quality":0}}"#).contains("1 to 100"));
        assert!(
            text(r#"{"size":1,"options":{"max_reduction":10,"min_savings":20}}"#).contains("min_savings")
        );
        assert!(text(r#"{"options":{}}"#).contains("size"));
        assert!(text(r#"{"size":1,"options":{"max_reduction":101}}"#).contains("percent"));
    }

    #[test]
    fn a_cap_alone_asks_for_80() {
        let options = JobOptions { max_reduction: Some(30.0), ..Default::default() };
        assert_eq!(options.lossy_quality(), Some(80));
        assert_eq!(JobOptions::default().lossy_quality(), None);
    }
}
