//! What a scraper gets, by rendering and through real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use squeezed_protocol::ErrorCode;
use squeezed_schedule::Lane;
use tokio::runtime::Runtime;

use super::names::FAMILIES;
use super::*;

struct Still(Reading);

impl Gauges for Still {
    fn read(&self) -> Reading {
        self.0
    }
}

fn metrics() -> Metrics {
    Metrics::new(&["png".into(), "jpeg".into()])
}

fn render(metrics: &Metrics) -> String {
    metrics.render(&Still(Reading::default()))
}

fn job(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        queue_wait: Duration::from_micros(700),
        run: Duration::from_millis(30),
        cpu: Duration::from_millis(25),
        bytes_in: 1000,
        bytes_out: 600,
    }
}

/// The value of a series, which must be there.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {series} in:\n{text}")).parse().unwrap()
}

#[test]
fn every_metric_is_there_from_the_start_with_its_kind_and_meaning() {
    let text = render(&metrics());
    let mut found: Vec<&str> = text.lines().filter(|l| l.starts_with('#')).collect();
    let mut wanted: Vec<String> = FAMILIES
        .iter()
        .flat_map(|f| {
            [format!("# HELP {} {}", f.name, f.help), format!("# TYPE {} {}", f.name, f.kind.name())]
        })
        .collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[test]
fn labels_have_known_names_and_values_only() {
    let m = metrics();
    m.plugin("a plugin that nobody knows").ended(Lane::Heavy, &job(Outcome::Optimized));
    let known: Vec<String> = Outcome::all().map(Outcome::name).collect();
    for line in render(&m).lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let family =
            FAMILIES.iter().filter(|f| name.starts_with(f.name)).max_by_key(|f| f.name.len()).unwrap();
        let labels = rest.split_once('}').unwrap().0;
        for pair in labels.split(',') {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value.trim_matches('"');
            assert!(family.labels.contains(&label) || label == "le", "{line}");
            assert!(
                match label {
                    "plugin" => ["png", "jpeg", "none"].contains(&value),
                    "lane" => ["light", "heavy"].contains(&value),
                    "pool" => ["input", "windows", "work"].contains(&value),
                    "outcome" => known.iter().any(|k| k == value),
                    "version" => value == env!("CARGO_PKG_VERSION"),
                    _ => value == "+Inf" || value.parse::<f64>().is_ok(),
                },
                "{line}"
            );
        }
    }
}

#[test]
fn what_happened_is_counted_where_it_belongs() {
    let m = metrics();
    m.plugin("png").ended(Lane::Light, &job(Outcome::Optimized));
    m.plugin("png").ended(Lane::Light, &job(Outcome::Unchanged));
    m.plugin("png").ended(Lane::Heavy, &job(Outcome::Failed(ErrorCode::BadImage)));
    m.no_plugin().ended(Lane::Light, &job(Outcome::Failed(ErrorCode::UnsupportedFormat)));
    m.plugin("png").demoted();
    m.plugin("jpeg").memory_overrun();
    (0..3).for_each(|_| m.busy());
    m.deadline_refused();
    m.cancelled();
    m.shared_run();
    let text = render(&m);
    let is = |series: &str, n: f64| assert_eq!(value(&text, series), n, "{series}");
    is(r#"squeezed_jobs_total{plugin="png",lane="light",outcome="optimized"}"#, 1.0);
    is(r#"squeezed_jobs_total{plugin="png",lane="light",outcome="unchanged"}"#, 1.0);
    is(r#"squeezed_jobs_total{plugin="png",lane="heavy",outcome="bad_image"}"#, 1.0);
    is(r#"squeezed_jobs_total{plugin="none",lane="light",outcome="unsupported_format"}"#, 1.0);
    is(r#"squeezed_jobs_total{plugin="jpeg",lane="light",outcome="optimized"}"#, 0.0);
    is(r#"squeezed_input_bytes_total{plugin="png"}"#, 2000.0);
    is(r#"squeezed_output_bytes_total{plugin="png"}"#, 1200.0);
    is(r#"squeezed_demotions_total{plugin="png"}"#, 1.0);
    is(r#"squeezed_memory_overruns_total{plugin="jpeg"}"#, 1.0);
    is("squeezed_busy_total", 3.0);
    is("squeezed_deadline_refused_total", 1.0);
    is("squeezed_cancels_total", 1.0);
    is("squeezed_shared_runs_total", 1.0);
    is(r#"squeezed_queue_wait_seconds_bucket{plugin="png",lane="light",le="0.0005"}"#, 0.0);
    is(r#"squeezed_queue_wait_seconds_bucket{plugin="png",lane="light",le="0.001"}"#, 2.0);
    is(r#"squeezed_run_seconds_bucket{plugin="png",lane="light",le="0.02"}"#, 0.0);
    is(r#"squeezed_run_seconds_bucket{plugin="png",lane="light",le="0.05"}"#, 2.0);
    is(r#"squeezed_run_seconds_count{plugin="png",lane="light"}"#, 2.0);
    assert!((value(&text, r#"squeezed_cpu_seconds_sum{plugin="png",lane="light"}"#) - 0.05).abs() < 1e-9);
}

#[test]
fn gauges_are_read_when_asked() {
    let m = metrics();
    let pool = PoolReading { capacity: 100, granted: 40, peak: 90, waiting: 2 };
    let now = Reading {
        connections: 3,
        queued: [4, 5],
        running: [1, 2],
        threads: [2, 2],
        heavy_debt: 0.25,
        pools: [PoolReading::default(), PoolReading::default(), pool],
        cache: squeezed_cache::Stats { hits: 7, entries: 8, bytes: 4096, ..Default::default() },
    };
    let text = m.render(&Still(now));
    let is = |series: &str, n: f64| assert_eq!(value(&text, series), n, "{series}");
    is("squeezed_connections", 3.0);
    is(r#"squeezed_queued_jobs{lane="heavy"}"#, 5.0);
    is(r#"squeezed_running_jobs{lane="light"}"#, 1.0);
    is(r#"squeezed_threads{lane="heavy"}"#, 2.0);
    is("squeezed_heavy_debt_seconds", 0.25);
    is(r#"squeezed_pool_peak_bytes{pool="work"}"#, 90.0);
    is(r#"squeezed_pool_granted_bytes{pool="input"}"#, 0.0);
    is("squeezed_cache_hits_total", 7.0);
    is("squeezed_cache_bytes", 4096.0);
}

#[test]
fn nothing_is_kept_where_nobody_listens() {
    let m = Metrics::off();
    m.plugin("png").ended(Lane::Light, &job(Outcome::Optimized));
    m.busy();
    assert!(!m.is_on());
    assert_eq!(render(&m), "");
}

#[test]
fn only_loopback_and_unix_sockets_are_places() {
    let parse = |text| Listen::parse(text);
    assert_eq!(parse(""), Ok(Listen::Off));
    assert_eq!(parse("127.0.0.1:9187"), Ok(Listen::Tcp("127.0.0.1:9187".parse().unwrap())));
    assert_eq!(parse("[::1]:9187"), Ok(Listen::Tcp("[::1]:9187".parse().unwrap())));
    assert_eq!(parse("unix:/run/x.sock"), Ok(Listen::Unix("/run/x.sock".into())));
    assert!(parse("0.0.0.0:9187").unwrap_err().contains("loopback"));
    assert!(parse("192.0.2.1:80").unwrap_err().contains("127.0.0.1:80"));
    for wrong in ["9187", "localhost:9187", "unix:", "unix:x.sock", "127.0.0.1"] {
        assert!(parse(wrong).unwrap_err().contains("wanted"), "{wrong}");
    }
}

/// A listener in a runtime of its own, ended with it.
fn serving(listen: &Listen) -> (Runtime, Option<std::net::SocketAddr>, Arc<Metrics>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = Listener::bind(listen).unwrap().unwrap();
    let address = listener.address();
    let metrics = Arc::new(metrics());
    runtime.spawn(listener.serve(metrics.clone(), Arc::new(Still(Reading::default()))));
    (runtime, address, metrics)
}

fn ask(mut socket: impl Read + Write, request: &str) -> String {
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_scrape_over_loopback_is_answered_whole() {
    let (_runtime, address, metrics) = serving(&Listen::parse("127.0.0.1:0").unwrap());
    metrics.busy();
    let connect = || TcpStream::connect(address.unwrap()).unwrap();
    let answer = ask(connect(), "GET /metrics HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    assert_eq!(value(body, "squeezed_busy_total"), 1.0);
    assert!(ask(connect(), "HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
    assert!(ask(connect(), "GET /else HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(connect(), "DELETE /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let (_runtime, address, _) = serving(&Listen::parse("127.0.0.1:0").unwrap());
    let silent: Vec<_> = (0..7).map(|_| TcpStream::connect(address.unwrap()).unwrap()).collect();
    let answer = ask(TcpStream::connect(address.unwrap()).unwrap(), "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "));
    drop(silent);
}

#[test]
fn a_unix_socket_is_the_users_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in/metrics.sock");
    let (runtime, address, _) = serving(&Listen::Unix(path.clone()));
    assert_eq!(address, None);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let answer = ask(UnixStream::connect(&path).unwrap(), "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    assert!(Listener::bind(&Listen::Unix(path.clone())).is_err(), "another one lives there");
    drop(runtime);
    assert!(!path.exists());
}
