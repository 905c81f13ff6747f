//! The bugs that users of named pipes have met elsewhere: what they did, and what must come of it.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use poised::windows::NamedPipe;
use poised::{Events, Interest, Poll, Token};

use crate::pipes::{
    alone, connected, connected_messages, create_outbound, name, open, open_blocking, read_some, write_some, BOTH,
    CLIENT, SERVER,
};
use crate::util::{expect_would_block, Harness, OnDrop, PATIENCE};

/// More than any pipe keeps: a write of it is pending until somebody reads.
fn too_much() -> Vec<u8> {
    (0..251).collect::<Vec<u8>>().repeat(1 << 14)
}

#[test]
fn scenario_01_what_was_submitted_and_fails_at_once_is_told_once() {
    alone(|| {
        let mut harness = Harness::new();
        let data = too_much();
        for _ in 0..20 {
            // A read is pending, and a write is; both fail while their packets are on the way.
            let (mut server, client) = connected(&mut harness);
            expect_would_block(server.read(&mut [0; 8]));
            assert_eq!(server.write(&data).unwrap(), data.len());
            drop(client);
            harness.expect(SERVER, |seen| seen.readable && seen.writable && seen.read_closed && seen.write_closed);
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(server.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            harness.expect_none_of(SERVER);
        }
    });
}

#[test]
fn scenario_02_pipes_are_dropped_while_their_packets_are_taken() {
    alone(|| {
        const THREADS: usize = 4;
        let name = name();
        let mut poll = Poll::new().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let registry = poll.registry().try_clone().unwrap();
            let (done, name) = (&done, &name);
            let poller = scope.spawn(move || {
                let mut events = Events::with_capacity(16);
                while !done.load(Ordering::Acquire) {
                    poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
                }
                poll
            });
            let workers: Vec<_> = (0..THREADS)
                .map(|number| {
                    let registry = registry.try_clone().unwrap();
                    scope.spawn(move || {
                        let name = format!("{name}-{number}");
                        for round in 0..25 {
                            let mut server = NamedPipe::new(&name).unwrap();
                            let mut client = open(&name).unwrap();
                            registry.register(&mut server, SERVER, BOTH).unwrap();
                            registry.register(&mut client, CLIENT, BOTH).unwrap();
                            let _ = server.connect();
                            let _ = client.write(b"hello");
                            let _ = server.write(&[0; 100_000]);
                            let _ = server.read(&mut [0; 16]);
                            if round % 2 == 0 {
                                drop(client);
                                drop(server);
                            } else {
                                drop(server);
                                drop(client);
                            }
                        }
                    })
                })
                .collect();
            {
                let _end = OnDrop(done);
                workers.into_iter().for_each(|worker| worker.join().unwrap());
            }
            drop(poller.join().unwrap());
        });
    });
}

#[test]
fn scenario_03_a_client_comes_while_the_server_begins_to_wait() {
    alone(|| {
        let mut poll = Poll::new().unwrap();
        let registry = poll.registry().try_clone().unwrap();
        let mut events = Events::with_capacity(16);
        for _ in 0..50 {
            let name = name();
            let mut server = NamedPipe::new(&name).unwrap();
            registry.register(&mut server, SERVER, BOTH).unwrap();
            thread::scope(|scope| {
                let client = scope.spawn(|| open_blocking(&name).unwrap());
                // This thread takes packets while the other one may connect at any moment.
                let start = Instant::now();
                while let Err(error) = server.connect() {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    assert!(start.elapsed() < PATIENCE);
                    poll.poll(&mut events, Some(PATIENCE)).unwrap();
                }
                drop(client.join().unwrap());
            });
        }
    });
}

#[test]
fn scenario_04_the_next_client_gets_no_bytes_of_the_last() {
    alone(|| {
        let mut harness = Harness::new();
        let name = name();
        let mut server = NamedPipe::new(&name).unwrap();
        harness.register(&mut server, SERVER, BOTH);
        expect_would_block(server.connect());
        // The bytes are read ahead, or the end is, or neither: each is left unread.
        for round in 0..6u8 {
            let mut client = open_blocking(&name).unwrap();
            harness.expect_writable(SERVER);
            server.connect().unwrap();
            client.write_all(&[round; 100]).unwrap();
            if round % 3 == 0 {
                harness.expect_readable(SERVER);
            } else {
                let mut bytes = [0xFF; 10];
                while server.read(&mut bytes).is_err() {
                    harness.expect_readable(SERVER);
                }
                assert_eq!(bytes, [round; 10]);
            }
            if round % 2 == 0 {
                drop(client);
            }
            server.disconnect().unwrap();
            expect_would_block(server.connect());
        }
        let mut client = open_blocking(&name).unwrap();
        harness.expect_writable(SERVER);
        client.write_all(b"frame").unwrap();
        assert_eq!(read_some(&mut harness, &server, SERVER, 5), b"frame");
        drop(client);
        assert_eq!(read_some(&mut harness, &server, SERVER, 1), b"");
        server.disconnect().unwrap();
        expect_would_block(server.connect());
        let mut client = open_blocking(&name).unwrap();
        harness.expect_writable(SERVER);
        client.write_all(b"second").unwrap();
        assert_eq!(read_some(&mut harness, &server, SERVER, 6), b"second");
    });
}

#[test]
fn scenario_05_handles_are_closed_when_the_poll_went_first() {
    // `alone` counts the handles.
    alone(|| {
        let name = name();
        let harness = Harness::new();
        let mut server = NamedPipe::new(&name).unwrap();
        let mut client = open(&name).unwrap();
        harness.register(&mut server, SERVER, BOTH);
        harness.register(&mut client, CLIENT, BOTH);
        server.connect().unwrap();
        expect_would_block(client.read(&mut [0; 8]));
        let data = too_much();
        assert_eq!(server.write(&data).unwrap(), data.len());
        drop(harness);
        drop(server);
        drop(client);
        // Nobody has the name any more.
        assert_eq!(open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    });
    // The same with the pipes first: the write holds its handle until the poll is gone, and no longer.
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, client) = connected(&mut harness);
        let data = too_much();
        assert_eq!(server.write(&data).unwrap(), data.len());
        drop(server);
        drop(harness);
        drop(client);
    });
}

#[test]
fn scenario_06_no_event_comes_after_deregister() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, mut client) = connected(&mut harness);
        expect_would_block(server.read(&mut [0; 8]));
        assert_eq!(client.write(b"hello").unwrap(), 5);
        harness.expect_writable(CLIENT);
        // The packet of the read is in the queue or on the way; so is the one of the write.
        assert_eq!(write_some(&mut harness, &client, CLIENT, b" you").unwrap(), 4);
        harness.deregister(&mut server);
        harness.deregister(&mut client);
        harness.expect_none();
        // Nothing is lost: the next registration says that there are bytes.
        harness.register(&mut server, Token(3), BOTH);
        harness.expect_readable(Token(3));
        assert_eq!(read_some(&mut harness, &server, Token(3), 9), b"hello you");
    });
}

#[test]
fn scenario_07_several_peers_vanish_at_once() {
    alone(|| {
        let mut harness = Harness::new();
        let mut pipes = Vec::new();
        for number in 0..8 {
            let (mut server, client) = connected(&mut harness);
            harness.reregister(&mut server, Token(100 + number), BOTH);
            expect_would_block(server.read(&mut [0; 8]));
            pipes.push((server, Some(client)));
        }
        pipes.iter_mut().for_each(|(_, client)| drop(client.take()));
        for (number, (server, _)) in pipes.iter_mut().enumerate() {
            let token = Token(100 + number);
            assert_eq!(read_some(&mut harness, server, token, 1), b"");
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(server.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn scenario_08_writing_after_the_peer_left_is_an_error() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, mut client) = connected(&mut harness);
        drop(client);
        // The first may be told by the packet only; nothing waits for ever.
        let error = (0..3).find_map(|_| write_some(&mut harness, &server, SERVER, b"x").err());
        assert_eq!(error.expect("an error").kind(), ErrorKind::BrokenPipe);
        assert!(server.write(b"x").is_err());

        (server, client) = connected(&mut harness);
        let data = too_much();
        assert_eq!(client.write(&data).unwrap(), data.len());
        expect_would_block(client.write(b"x"));
        drop(server);
        harness.expect_writable(CLIENT);
        assert!(client.write(b"x").is_err());
    });
}

#[test]
fn scenario_09_messages_longer_than_any_buffer_come_whole() {
    alone(|| {
        let mut harness = Harness::new();
        let (server, client) = connected_messages(&mut harness);
        for length in [1, 4095, 4096, 4097, 10_000, 50_000] {
            let message: Vec<u8> = (0..=252).cycle().take(length).collect();
            assert_eq!(write_some(&mut harness, &client, CLIENT, &message).unwrap(), length);
            assert_eq!(write_some(&mut harness, &client, CLIENT, b"end").unwrap(), 3);
            assert_eq!(read_some(&mut harness, &server, SERVER, length), message);
            assert_eq!(read_some(&mut harness, &server, SERVER, 3), b"end");
            // And the other way.
            assert_eq!(write_some(&mut harness, &server, SERVER, &message).unwrap(), length);
            assert_eq!(read_some(&mut harness, &client, CLIENT, length), message);
        }
        expect_would_block((&server).read(&mut [0; 8]));
        // More than the pipe keeps: the write goes on while it is read.
        let message: Vec<u8> = (0..=252).cycle().take(300_000).collect();
        assert_eq!(write_some(&mut harness, &client, CLIENT, &message).unwrap(), message.len());
        assert_eq!(read_some(&mut harness, &server, SERVER, message.len()), message);
        expect_would_block((&server).read(&mut [0; 8]));
        assert_eq!(write_some(&mut harness, &client, CLIENT, b"more").unwrap(), 4);
        harness.expect_readable(SERVER);
    });
}

/// Each part of a message is an `ERROR_MORE_DATA` of the system's but the last; no part has bytes of the next message,
/// and there is an event for each that was not read ahead.
#[test]
fn scenario_09_a_message_comes_in_parts() {
    alone(|| {
        let mut harness = Harness::new();
        let (mut server, client) = connected_messages(&mut harness);
        let message: Vec<u8> = (0..=252).cycle().take(20_000).collect();
        assert_eq!(write_some(&mut harness, &client, CLIENT, &message).unwrap(), message.len());
        assert_eq!(write_some(&mut harness, &client, CLIENT, b"next").unwrap(), 4);
        let (mut parts, mut whole) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; 1 << 16];
        while whole.len() < message.len() + 4 {
            match server.read(&mut buffer) {
                Ok(count) => {
                    parts.push(count);
                    whole.extend_from_slice(&buffer[..count]);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    harness.expect_readable(SERVER);
                }
            }
        }
        assert_eq!(whole, [&message[..], b"next"].concat());
        // What is read ahead is 4 KiB at first, and twice as much each time that it was not enough.
        assert_eq!(parts, [4096, 8192, 7712, 4]);
        expect_would_block(server.read(&mut buffer));
    });
}

#[test]
fn scenario_10_each_of_many_clients_gets_its_line_before_the_server_leaves() {
    alone(|| {
        const CLIENTS: usize = 16;
        let name = name();
        let mut harness = Harness::new();
        let barrier = Arc::new(std::sync::Barrier::new(CLIENTS + 1));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (name, barrier) = (name.clone(), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    let mut file = loop {
                        match std::fs::OpenOptions::new().read(true).open(&name) {
                            Ok(file) => break file,
                            // None is free at the moment, or none is there yet.
                            Err(error) if matches!(error.raw_os_error(), Some(231 | 2)) => thread::yield_now(),
                            Err(error) => panic!("open: {error}"),
                        }
                    };
                    let mut line = String::new();
                    file.read_to_string(&mut line).unwrap();
                    line
                })
            })
            .collect();
        let mut server = create_outbound(&name);
        barrier.wait();
        for number in 0..CLIENTS {
            harness.register(&mut server, Token(number), Interest::WRITABLE);
            while server.connect().is_err() {
                harness.expect_writable(Token(number));
            }
            let next = create_outbound(&name);
            let line = format!("line {number}\n");
            assert_eq!(write_some(&mut harness, &server, Token(number), line.as_bytes()).unwrap(), line.len());
            // Dropped at once: the line stays to be read.
            drop(std::mem::replace(&mut server, next));
        }
        let mut lines: Vec<String> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        lines.sort();
        let mut expected: Vec<String> = (0..CLIENTS).map(|number| format!("line {number}\n")).collect();
        expected.sort();
        assert_eq!(lines, expected);
    });
}
