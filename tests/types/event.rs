//! `Event`.

use std::io::Write;
use std::net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream};

use poised::event::Event;
use poised::net::TcpStream;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, ON_EVENT_PORTS, PATIENCE};

fn pair() -> (TcpStream, StdTcpStream) {
    let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let other = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (one, _) = listener.accept().unwrap();
    one.set_nonblocking(true).unwrap();
    (TcpStream::from_std(one), other)
}

/// The first event that `stream` reports.
fn first(stream: &mut TcpStream, interest: Interest) -> Event {
    let mut harness = Harness::new();
    harness.register(stream, Token(42), interest);
    harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
    harness.events.iter().next().expect("an event").clone()
}

#[test]
fn writable() {
    let (mut stream, _other) = pair();
    let event = first(&mut stream, Interest::WRITABLE);
    assert_eq!(event.token(), Token(42));
    assert!(event.is_writable());
    let others = [event.is_readable(), event.is_error(), event.is_read_closed(), event.is_write_closed()];
    assert_eq!(others, [false; 4], "{event:?}");
}

#[test]
fn readable() {
    let (mut stream, mut other) = pair();
    other.write_all(b"x").unwrap();
    let event = first(&mut stream, Interest::READABLE);
    assert!(event.is_readable());
    let others = [event.is_writable(), event.is_error(), event.is_read_closed(), event.is_write_closed()];
    assert_eq!(others, [false; 4], "{event:?}");
}

#[test]
fn neither_urgent_nor_asynchronous_io() {
    let (mut stream, _other) = pair();
    let event = first(&mut stream, Interest::READABLE | Interest::WRITABLE);
    assert_eq!([event.is_priority(), event.is_aio(), event.is_lio()], [false; 3], "{event:?}");
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has one thread")]
#[test]
fn an_event_is_a_value_of_its_own() {
    let (mut stream, other) = pair();
    drop(other);
    let event = first(&mut stream, Interest::READABLE);
    drop(stream);
    let copy = std::thread::spawn({
        let copy = event.clone();
        move || copy
    })
    .join()
    .unwrap();
    assert_eq!(copy.token(), event.token());
    assert_eq!(copy.token(), Token(42));
    assert!(copy.is_readable() && (copy.is_read_closed() || ON_EVENT_PORTS));
}

#[test]
fn debug_shows_token_and_predicates() {
    let (mut stream, mut other) = pair();
    other.write_all(b"x").unwrap();
    let event = first(&mut stream, Interest::READABLE);
    let text = format!("{event:?}");
    assert!(text.contains("Token(42)"), "{text}");
    assert!(text.contains("readable"), "{text}");
}

/// The kernel's own words are what one looks for in a log.
#[cfg(target_os = "linux")]
#[test]
fn debug_shows_the_kernels_flags() {
    use crate::util::ON_KQUEUE;

    let (mut stream, other) = pair();
    drop(other);
    let text = format!("{:#?}", first(&mut stream, Interest::READABLE));
    let words: &[&str] = match () {
        () if ON_KQUEUE => &["EVFILT_READ", "EV_EOF"],
        () if ON_EVENT_PORTS => &["POLLIN"],
        () => &["IN", "RDHUP"],
    };
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

leaves_nothing_open!(
    writable,
    readable,
    neither_urgent_nor_asynchronous_io,
    an_event_is_a_value_of_its_own,
    debug_shows_token_and_predicates,
    #[cfg(target_os = "linux")]
    debug_shows_the_kernels_flags,
);
