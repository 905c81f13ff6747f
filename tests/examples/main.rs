//! Runs every program of `examples/` for real.
//!
//! `cargo test` and `cargo nextest run` build the examples before they run this (with `--test examples` they do not:
//! `cargo build --examples` first); they lie beside the directory of this test's own executable. Nothing here sleeps:
//! each step waits for a line, for bytes or for the end of a process.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

#[path = "../util/program.rs"]
mod program;

/// The bound of every wait on a socket: far above what any step needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The command that runs an example.
#[track_caller]
fn example(name: &str) -> Command {
    let own = std::env::current_exe().expect("the path of this test");
    let profile = own.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: `cargo build --examples` (with the profile and target directory of this test) comes first",
        path.display()
    );
    let mut command = program::command(&path);
    command.stdin(Stdio::null());
    command
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if the process has ended and was waited for, which is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

/// Starts an example that serves, and reads from its output where it does.
#[track_caller]
fn server(name: &str) -> (Running, SocketAddr) {
    let mut server =
        Running(example(name).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start the server"));
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
    let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{name} says {line:?}"));
    let address = address.parse().expect("an address");
    (server, address)
}

/// Runs an example to its end.
fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().expect("run the example")
}

/// Runs an example that must end well, and gives what it prints.
#[track_caller]
fn printed(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{text}\n{errors}", output.status);
    text
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound for reading");
    stream.set_write_timeout(Some(PATIENCE)).expect("a bound for writing");
    stream
}

/// Bytes that do not repeat within any buffer's size.
fn bytes(length: usize, seed: u32) -> Vec<u8> {
    (0_u32..).map(|at| (at ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(length).collect()
}

/// Sends all of `sent` while it reads the echo, and gives that.
fn through(stream: &TcpStream, sent: &[u8]) -> Vec<u8> {
    let mut echo = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = stream;
            stream.write_all(sent).expect("send");
            stream.shutdown(Shutdown::Write).expect("say that this is all");
        });
        let mut stream = stream;
        stream.read_to_end(&mut echo).expect("the echo");
    });
    echo
}

mod tcp_echo {
    use super::*;

    #[test]
    fn echoes_megabytes_to_many_clients_at_once() {
        let (_server, address) = server("tcp_echo");
        thread::scope(|scope| {
            for seed in 0..8 {
                scope.spawn(move || {
                    let sent = bytes(4 << 20, seed);
                    assert!(through(&connect(address), &sent) == sent, "client {seed} got other bytes than it sent");
                });
            }
        });
    }

    #[test]
    fn a_client_that_does_not_read_is_slowed_down_and_loses_nothing() {
        let (_server, address) = server("tcp_echo");
        let mut stream = connect(address);
        stream.set_nonblocking(true).expect("non-blocking");
        // The buffers of four sockets and the server's own, at their largest, hold far less than this bound.
        let (chunk, bound) = (bytes(64 << 10, 1), 256 << 20);
        let mut sent = 0;
        // While this one does not read, another is served; and this one can send no more than fits into buffers.
        let mut full = 0;
        while full < 3 && sent < bound {
            match stream.write(&chunk[sent % chunk.len()..]) {
                Ok(count) => (sent, full) = (sent + count, 0),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    full += 1;
                    assert_eq!(through(&connect(address), b"still there?"), b"still there?");
                }
                Err(error) => panic!("send: {error}"),
            }
        }
        assert!(sent < bound, "the server took {sent} bytes without sending any back");

        stream.set_nonblocking(false).expect("blocking");
        stream.shutdown(Shutdown::Write).expect("say that this is all");
        let mut echo = Vec::new();
        stream.read_to_end(&mut echo).expect("the echo");
        assert_eq!(echo.len(), sent);
        assert!(echo.chunks(chunk.len()).all(|part| part == &chunk[..part.len()]), "other bytes than were sent");
    }

    #[test]
    fn a_client_that_goes_away_harms_no_other() {
        let (_server, address) = server("tcp_echo");
        for _ in 0..50 {
            connect(address).write_all(&bytes(1 << 16, 7)).expect("send"); // Closed with its echo unread: a reset.
        }
        assert_eq!(through(&connect(address), b"still there?"), b"still there?");
    }

    #[test]
    fn an_address_that_is_none_or_taken_is_an_error() {
        assert!(!run("tcp_echo", &["nonsense"]).status.success());
        let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
        assert!(!run("tcp_echo", &[&taken.local_addr().expect("its address").to_string()]).status.success());
    }
}

#[test]
fn udp_echo_returns_each_datagram_to_its_sender() {
    let (_server, address) = server("udp_echo");
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
            socket.set_read_timeout(Some(PATIENCE)).expect("a bound for reading");
            socket
        })
        .collect();
    // A sender that is gone before its echo comes must not end the service.
    UdpSocket::bind("127.0.0.1:0").and_then(|gone| gone.send_to(b"no one", address)).expect("send");
    let mut buffer = vec![0; 70_000];
    let mut echo_of = |client: &UdpSocket, sent: &[u8]| {
        let (received, from) = client.recv_from(&mut buffer).expect("the echo");
        assert_eq!(from, address);
        assert!(buffer[..received] == *sent, "{} bytes came back as other {received}", sent.len());
    };
    for length in [0, 1, 1400] {
        for (seed, client) in (0..).zip(&clients) {
            client.send_to(&bytes(length, seed), address).expect("send");
        }
        for (seed, client) in (0..).zip(&clients) {
            echo_of(client, &bytes(length, seed));
        }
    }
    // One at a time: a socket's queue has room for three of the longest, and UDP drops what finds none.
    for length in [9000, 65_507] {
        for (seed, client) in (0..).zip(&clients) {
            client.send_to(&bytes(length, seed), address).expect("send");
            echo_of(client, &bytes(length, seed));
        }
    }
}

mod tcp_connect {
    use super::*;

    #[test]
    fn reaches_a_server_of_its_own() {
        assert!(printed("tcp_connect", &[]).ends_with("sent: hello, received: hello\n"));
    }

    #[test]
    fn reaches_the_echo_server() {
        let (_server, address) = server("tcp_echo");
        let text = printed("tcp_connect", &[&address.to_string()]);
        assert!(text.starts_with(&format!("connected to {address} from 127.0.0.1:")), "{text}");
        assert!(text.ends_with("sent: hello, received: hello\n"), "{text}");
    }

    #[test]
    fn says_so_when_nobody_listens() {
        // The port of a client: nobody else can get it, and nobody listens there.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let client = connect(listener.local_addr().expect("its address"));
        let address = client.local_addr().expect("its address");
        let output = run("tcp_connect", &[&address.to_string()]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("ConnectionRefused"), "{output:?}");
    }
}

#[test]
fn custom_source_gets_every_letter() {
    let text = printed("custom_source", &[]);
    assert!(text.starts_with("3000 letters, the last of them: letter 1000 from "), "{text}");
}

#[test]
fn waker_collects_every_result() {
    let text = printed("waker", &[]);
    let mut words = text.split_whitespace();
    assert_eq!(words.next(), Some("200"), "{text}");
    let wakeups: usize = words.nth(2).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    assert!((1..=200).contains(&wakeups), "{text}");
    // Below 19,900, the largest limit, lie 2250 primes.
    assert!(text.ends_with("job 199 found the most primes: 2250\n"), "{text}");
}

#[test]
#[cfg(not(unix))]
fn unix_pipes_says_that_it_is_for_unix() {
    let output = run("unix_pipes", &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("is for Unix"), "{output:?}");
}

#[cfg(unix)]
mod unix_pipes {
    use super::*;

    #[test]
    fn pumps_megabytes_both_ways() {
        let text = printed("unix_pipes", &[]);
        assert!(text.starts_with("7400000 bytes in, 7400000 bytes out, exit status: 0\n"), "{text}");
        assert!(text.ends_with("last line: A LINE OF TEXT FOR THE CHILD TO READ\n"), "{text}");
    }

    #[test]
    fn shows_the_child_where_its_input_ends() {
        assert!(printed("unix_pipes", &["wc", "-c"]).ends_with("last line: 7400000\n"));
    }

    #[test]
    fn a_child_that_does_not_read_on_is_no_error() {
        assert!(printed("unix_pipes", &["head", "-n", "1"]).ends_with("a line of text for the child to read\n"));
    }
}

mod demo {
    use super::*;

    /// A row of the table that the demo ends with.
    #[track_caller]
    fn row(table: &str, name: &str) -> f64 {
        let row = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let number = row.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no number in row {name:?} of:\n{table}"))
    }

    #[track_caller]
    fn drive(arguments: &[&str]) -> String {
        let table = printed("demo", arguments);
        assert_eq!(row(&table, "errors"), 0.0);
        assert_eq!(row(&table, "wrong bytes"), 0.0);
        assert!(row(&table, "messages") > 0.0);
        assert!(row(&table, "latency p50") > 0.0);
        assert!(row(&table, "latency p50") <= row(&table, "latency p99.9"));
        table
    }

    #[test]
    fn two_hundred_tcp_connections() {
        let table = drive(&["--connections", "200", "--seconds", "1"]);
        assert_eq!(row(&table, "connections"), 200.0);
        // Each message takes at least a read and a write.
        assert!(row(&table, "system calls/message") >= 2.0);
        assert!(row(&table, "events per poll") > 0.0);
    }

    #[test]
    #[cfg(unix)]
    fn two_hundred_unix_connections() {
        assert_eq!(row(&drive(&["--connections", "200", "--seconds", "1", "--unix"]), "connections"), 200.0);
    }

    #[test]
    #[cfg(unix)]
    fn messages_larger_than_all_buffers_do_not_lock_up() {
        // The buffers of a Unix socket do not grow by themselves, and are smaller than this. More takes minutes where a
        // processor is emulated.
        drive(&["--connections", "4", "--seconds", "1", "--size", "600000", "--unix"]);
    }

    #[test]
    fn more_connections_than_descriptors_is_an_error_that_names_the_limit() {
        let output = run("demo", &["--connections", &usize::MAX.to_string()]);
        let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
        write!(text, "{}", String::from_utf8_lossy(&output.stdout)).expect("text");
        assert_eq!(output.status.code(), Some(1), "{text}");
        let counted = if cfg!(windows) { " handles " } else { " descriptors (ulimit -n) " };
        assert!(text.contains("limit of ") && text.contains(counted), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}
