//! Just enough of HTTP/1.1 to answer one `GET /metrics` a connection: a head of bounded size in, a whole answer out.
//!
//! Must not know what is answered.

/// Most bytes of a request's head. Scrapers send some 300.
pub(super) const MAX_HEAD: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// What a request's head asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// More bytes are needed.
    More,
    /// The metrics.
    Metrics {
        /// Without the body (`HEAD`).
        head_only: bool,
    },
    /// Something else: this answer.
    Refuse(Vec<u8>),
}

/// Reads the head of a request, as far as it is there.
pub(super) fn parse(head: &[u8]) -> Ask {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Partial) if head.len() >= MAX_HEAD => {
            Ask::Refuse(answer("431 Request Header Fields Too Large", "the request is too long\n", false))
        }
        Ok(httparse::Status::Partial) => Ask::More,
        Ok(httparse::Status::Complete(_)) => {
            let path = request.path.unwrap_or("").split('?').next();
            match (request.method, path) {
                (Some("GET"), Some("/metrics")) => Ask::Metrics { head_only: false },
                (Some("HEAD"), Some("/metrics")) => Ask::Metrics { head_only: true },
                (Some("GET" | "HEAD"), _) => {
                    Ask::Refuse(answer("404 Not Found", "ask for /metrics\n", request.method == Some("HEAD")))
                }
                _ => Ask::Refuse(answer("405 Method Not Allowed", "only GET is answered\n", false)),
            }
        }
        Err(_) => Ask::Refuse(answer("400 Bad Request", "this is no HTTP/1.1 request\n", false)),
    }
}

/// A whole answer, after which the connection closes.
pub(super) fn answer(status: &str, body: &str, head_only: bool) -> Vec<u8> {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n{allow}Content-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    if !head_only {
        text.push_str(body);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(head: &[u8]) -> String {
        match parse(head) {
            Ask::Refuse(answer) => String::from_utf8(answer).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_metrics_are_answered() {
        let get = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(parse(get), Ask::Metrics { head_only: false });
        assert_eq!(parse(b"HEAD /metrics?a=b HTTP/1.0\r\n\r\n"), Ask::Metrics { head_only: true });
        for cut in 0..get.len() {
            assert_eq!(parse(&get[..cut]), Ask::More, "{cut}");
        }
        assert!(refused(b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(refused(b"POST /metrics HTTP/1.1\r\n\r\n").contains("\r\nAllow: GET, HEAD\r\n"));
        assert!(refused(b"\x16\x03\x01\x02\x00").starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn a_head_is_bounded_in_bytes_and_headers() {
        let long = format!("GET /metrics HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD));
        assert!(refused(long.as_bytes()).starts_with("HTTP/1.1 431 "));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
        assert!(refused(many.as_bytes()).starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn an_answer_says_its_length() {
        let text = String::from_utf8(answer("200 OK", "abc", false)).unwrap();
        assert!(text.contains("\r\nContent-Length: 3\r\n") && text.ends_with("\r\n\r\nabc"), "{text}");
        assert!(String::from_utf8(answer("200 OK", "abc", true)).unwrap().ends_with("\r\n\r\n"));
    }
}
