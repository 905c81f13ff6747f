//! `poised::windows::NamedPipe`: every method and trait of it.

use std::io::{ErrorKind, Read, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle};
use std::thread;

use poised::event::Source;
use poised::windows::NamedPipe;
use poised::{Interest, Poll, Token};

use crate::pipes::{alone, connected, connected_messages, name, open, read_some, write_some, BOTH, CLIENT, SERVER};
use crate::util::{expect_error, expect_would_block, Harness, PATIENCE};

#[test]
fn has_the_traits_of_its_kind() {
    fn check<T>()
    where
        T: Read + Write + Source + AsRawHandle + FromRawHandle + std::fmt::Debug + Send + Sync + Unpin,
        for<'a> &'a T: Read + Write,
    {
    }
    check::<NamedPipe>();
    alone(|| {
        let pipe = NamedPipe::new(name()).unwrap();
        assert!(!pipe.as_raw_handle().is_null());
        assert!(format!("{pipe:?}").starts_with("NamedPipe"), "{pipe:?}");
        assert!(pipe.take_error().unwrap().is_none());
        (&pipe).flush().unwrap();
    });
}

#[test]
fn a_server_waits_for_its_client() {
    alone(|| {
        let name = name();
        let mut harness = Harness::new();
        let mut server = NamedPipe::new(&name).unwrap();
        harness.register(&mut server, SERVER, BOTH);
        expect_would_block(server.connect());
        expect_would_block(server.connect());
        expect_would_block(server.read(&mut [0; 8]));
        assert!(server.write(b"x").is_err());
        harness.expect_none_of(SERVER);
        let mut client = open(&name).unwrap();
        harness.register(&mut client, CLIENT, BOTH);
        harness.expect_writable(SERVER);
        server.connect().unwrap();
        assert!(server.take_error().unwrap().is_none());
        assert_eq!(server.write(b"hello").unwrap(), 5);
        let seen = harness.expect_readable(CLIENT);
        assert!(!seen.read_closed && !seen.error, "{seen:?}");
        let mut text = [0; 3];
        assert_eq!((&client).read(&mut text).unwrap(), 3);
        assert_eq!(client.read(&mut text).unwrap(), 2);
        expect_would_block(client.read(&mut text));
        assert_eq!(client.read(&mut []).unwrap(), 0);
    });
}

#[test]
fn a_connection_that_was_asked_for_before_registering_is_reported() {
    alone(|| {
        let name = name();
        let mut harness = Harness::new();
        let mut server = NamedPipe::new(&name).unwrap();
        expect_would_block(server.connect());
        expect_would_block(server.read(&mut [0; 8]));
        expect_would_block(server.write(b"x"));
        harness.register(&mut server, SERVER, BOTH);
        let client = open(&name).unwrap();
        harness.expect_writable(SERVER);
        drop(client);
    });
}

#[test]
fn what_waits_when_it_is_registered_is_reported() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, mut client) = connected(&mut harness);
        assert_eq!(server.write(b"hello").unwrap(), 5);
        harness.expect_readable(CLIENT);
        // Each registration says it anew, under its own token and for its own interest.
        harness.reregister(&mut client, Token(7), Interest::READABLE);
        let seen = harness.expect_readable(Token(7));
        assert!(!seen.writable);
        harness.reregister(&mut client, Token(8), Interest::WRITABLE);
        let seen = harness.expect_writable(Token(8));
        assert!(!seen.readable);
        harness.deregister(&mut client);
        harness.register(&mut client, Token(9), BOTH);
        harness.expect(Token(9), |seen| seen.readable && seen.writable);
        let mut text = [0; 8];
        assert_eq!(client.read(&mut text).unwrap(), 5);
    });
}

#[test]
fn one_registration_a_pipe_and_one_poll() {
    alone(|| {
        let mut harness = Harness::new();
        let other = Poll::new().unwrap();
        let mut pipe = NamedPipe::new(name()).unwrap();
        let registry = harness.poll.registry();
        expect_error(registry.reregister(&mut pipe, SERVER, BOTH), ErrorKind::NotFound);
        expect_error(registry.deregister(&mut pipe), ErrorKind::NotFound);
        expect_error(registry.register(&mut pipe, SERVER, Interest::PRIORITY), ErrorKind::Unsupported);
        harness.register(&mut pipe, SERVER, BOTH);
        expect_error(harness.poll.registry().register(&mut pipe, SERVER, BOTH), ErrorKind::AlreadyExists);
        expect_error(other.registry().register(&mut pipe, SERVER, BOTH), ErrorKind::AlreadyExists);
        expect_error(other.registry().reregister(&mut pipe, SERVER, BOTH), ErrorKind::NotFound);
        expect_error(other.registry().deregister(&mut pipe), ErrorKind::NotFound);
        harness.deregister(&mut pipe);
        expect_error(harness.poll.registry().deregister(&mut pipe), ErrorKind::NotFound);
        expect_error(other.registry().register(&mut pipe, SERVER, BOTH), ErrorKind::AlreadyExists);
        harness.register(&mut pipe, SERVER, BOTH);
        harness.expect_none_of(CLIENT);
    });
}

#[test]
fn empty_messages_arrive_and_empty_writes_are_none() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, client) = connected(&mut harness);
        assert_eq!((&client).write(b"").unwrap(), 0);
        harness.expect_none_of(SERVER);
        expect_would_block(server.read(&mut [0; 8]));

        let (mut server, client) = connected_messages(&mut harness);
        assert_eq!((&client).write(b"").unwrap(), 0);
        harness.expect_readable(SERVER);
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(write_some(&mut harness, &client, CLIENT, b"more").unwrap(), 4);
        assert_eq!(read_some(&mut harness, &server, SERVER, 4), b"more");
    });
}

#[test]
fn who_was_disconnected_is_told() {
    alone(|| {
        let mut harness = Harness::new();
        let (server, mut client) = connected(&mut harness);
        expect_would_block(client.read(&mut [0; 8]));
        server.disconnect().unwrap();
        let seen = harness.expect_readable(CLIENT);
        assert!(seen.read_closed, "{seen:?}");
        // The system says that the connection is gone, or that the stream has ended.
        let result = client.read(&mut [0; 8]);
        assert!(matches!(result, Ok(0)) || result.is_err_and(|error| error.kind() != ErrorKind::WouldBlock));
        expect_error(client.disconnect().map_err(|_| ErrorKind::Other.into()), ErrorKind::Other);
        assert!(client.connect().is_err());
    });
}

#[test]
fn a_write_goes_on_when_its_pipe_is_dropped() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, client) = connected(&mut harness);
        let data: Vec<u8> = (0..=248).cycle().take(1 << 20).collect();
        assert_eq!(server.write(&data).unwrap(), data.len());
        drop(server);
        let all = read_some(&mut harness, &client, CLIENT, usize::MAX);
        assert!(all == data, "{} of {} bytes", all.len(), data.len());
    });
}

#[test]
fn an_operation_outlives_the_thread_that_submitted_it() {
    alone(|| {
        let mut harness = Harness::new();
        let (server, client) = connected(&mut harness);
        let (server, client) = thread::spawn(move || {
            expect_would_block((&server).read(&mut [0; 8]));
            // Drained, so that this thread submits the next read.
            assert_eq!((&client).write(b"1").unwrap(), 1);
            (server, client)
        })
        .join()
        .unwrap();
        harness.expect_readable(SERVER);
        let server = thread::spawn(move || {
            assert_eq!((&server).read(&mut [0; 8]).unwrap(), 1);
            server
        })
        .join()
        .unwrap();
        assert_eq!(write_some(&mut harness, &client, CLIENT, b"hello").unwrap(), 5);
        assert_eq!(read_some(&mut harness, &server, SERVER, 5), b"hello");
    });
}

#[test]
fn both_directions_at_once_and_every_byte_in_order() {
    alone(|| {
        const TOTAL: usize = 1 << 20;
        let mut harness = Harness::new();
        let (server, client) = connected(&mut harness);
        let data: Vec<u8> = (0..=240).cycle().take(TOTAL).collect();
        let mut sent = [0; 2];
        let mut got = [Vec::new(), Vec::new()];
        let mut buffer = [0; 10_000];
        while got.iter().any(|got| got.len() < TOTAL) {
            let mut idle = true;
            for (end, mut pipe) in [&server, &client].into_iter().enumerate() {
                while let Ok(count) = pipe.read(&mut buffer) {
                    got[end].extend_from_slice(&buffer[..count]);
                    idle = false;
                }
                while sent[end] < TOTAL {
                    let part = &data[sent[end]..TOTAL.min(sent[end] + 7_777)];
                    let Ok(count) = pipe.write(part) else { break };
                    sent[end] += count;
                    idle = false;
                }
            }
            if idle {
                harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
                assert!(!harness.events.is_empty(), "a lost event: {sent:?} sent");
            }
        }
        assert!(got.iter().all(|got| *got == data));
    });
}
