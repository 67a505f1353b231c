//! Cost of a full timetable: `cargo bench -p health-probe -- [targets] [seconds]`, by default 30,000 HTTP targets every
//! 10 s for 20 s after everyone's first verdict (`goals.md` D12).
//!
//! Prints the CPU time of the prober's thread as a share of one core (the kernel's work for its sockets included), how
//! late probes began, and the memory of the process. The servers run on another thread.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so")]
#![expect(clippy::print_stdout, reason = "its result")]

use std::{
    collections::HashSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use health_probe::{Config, Prober, Target};
use model::monitor::{Check, HealthMonitor, HttpCheck, StatusClass};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Listeners; connections to one of them share its ports, of which a minute of TIME_WAIT takes many.
const SERVERS: u8 = 8;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let targets: u32 = numbers.next().unwrap_or(30_000);
    let seconds = numbers.next().unwrap_or(20);
    let servers: Vec<SocketAddr> = (0..SERVERS).map(serve).collect();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(
        targets,
        Duration::from_secs(seconds.into()),
        &servers,
    ));
}

async fn run(targets: u32, lasts: Duration, servers: &[SocketAddr]) {
    let monitor = Arc::new(monitor());
    let config = Config { seed: 1, in_flight_max: 4096 };
    let (prober, mut results) = Prober::start(&config, CancellationToken::new()).unwrap();
    let list: Vec<Target> = (0..targets)
        .zip(servers.iter().cycle())
        .map(|(index, server)| Target::new(monitor.clone(), *server, format!("app-{index}.example")))
        .collect();
    let list_length = list.len();
    let added = Instant::now();
    prober.change(list, vec![]).await;
    let mut seen = HashSet::new();
    while seen.len() < list_length {
        seen.insert(results.recv().await.unwrap().key);
    }
    println!("first verdict on {targets} targets after {:?}", added.elapsed());

    let (begun, cpu_before) = (Instant::now(), cpu());
    let (mut late, mut probes, mut failed) = (Vec::new(), 0u32, 0);
    while begun.elapsed() < lasts {
        let result = results.recv().await.unwrap();
        // What was planned during the rush of the beginning is not counted as late.
        if result.at - result.late > begun {
            late.push(result.late);
        }
        probes += 1;
        failed += u32::from(result.outcome.is_err());
    }
    let (took, used) = (begun.elapsed(), cpu() - cpu_before);
    late.sort_unstable();
    println!("{probes} probes in {took:?}, {failed} failed");
    println!(
        "CPU {:.1} % of a core, {:.1} us per probe",
        100.0 * used.as_secs_f64() / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(probes)
    );
    println!(
        "late: p50 {:?}, p99 {:?}, max {:?}",
        late[late.len() / 2],
        late[late.len() * 99 / 100],
        late[late.len() - 1]
    );
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    memory.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line} (servers included)"));
}

/// User and system time of this thread.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap())
}

fn serve(index: u8) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2 + index), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut head = [0; 1024];
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    address
}

fn monitor() -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "m".into(),
        send_interval: Duration::from_secs(10),
        receive_timeout: Duration::from_secs(4),
        successful_checks: 2,
        failed_checks: 3,
        port: None,
        quickstart: true,
        check: Check::Http(HttpCheck {
            request: "HEAD / HTTP/1.0".into(),
            exact_request: false,
            request_body: None,
            status_classes: vec![StatusClass::Hundreds(2)],
            response: None,
            response_bytes_max: 2048,
            maintenance_codes: vec![],
            maintenance_response: None,
            server_name: None,
        }),
    }
}
