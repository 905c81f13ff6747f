//! P07 After `deregister` returns, no later poll yields an event for it. The same source can be registered again, also
//! with another `Poll`.

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::Harness;

const IT: Token = Token(10);

over_links!(p07_no_event_after_deregister, p07_pending_event_is_withdrawn, p07_registered_again);
over_links!(p07_registered_with_another_poll, p07_others_are_not_disturbed);

fn p07_no_event_after_deregister(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    harness.expect_none();
    harness.deregister(&mut link.reader);
    link.send(b"x");
    harness.expect_none();
    drop(link.writer);
    harness.expect_none();
}

fn p07_pending_event_is_withdrawn(mut link: Link) {
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    harness.register(&mut link.reader, IT, Interest::READABLE);
    harness.register(&mut link.writer, IT, Interest::WRITABLE);
    // Both are ready now, and no poll has said so yet.
    harness.deregister(&mut link.reader);
    harness.deregister(&mut link.writer);
    harness.expect_none();
}

fn p07_registered_again(mut link: Link) {
    let mut harness = Harness::new();
    for round in 0..20 {
        harness.register(&mut link.reader, Token(round), Interest::READABLE);
        link.send(b"x");
        harness.expect_readable(Token(round));
        if round % 2 == 0 {
            link.receive_all(b"x");
        } else {
            // Left unread: it is new readiness for the next registration.
            harness.deregister(&mut link.reader);
            harness.register(&mut link.reader, IT, Interest::READABLE);
            harness.expect_readable(IT);
            link.receive_all(b"x");
        }
        harness.deregister(&mut link.reader);
        harness.expect_none();
    }
}

fn p07_registered_with_another_poll(mut link: Link) {
    let mut one = Harness::new();
    let mut other = Harness::new();
    for _ in 0..3 {
        one.register(&mut link.reader, IT, Interest::READABLE);
        link.send(b"x");
        one.expect_readable(IT);
        one.deregister(&mut link.reader);
        other.register(&mut link.reader, IT, Interest::READABLE);
        other.expect_readable(IT);
        one.expect_none();
        link.receive_all(b"x");
        other.deregister(&mut link.reader);
    }
}

/// A second descriptor keeps the socket open when the registered one is closed: epoll alone would still report it.
#[cfg(unix)]
#[test]
fn p07_deregistered_while_a_twin_is_open() {
    use std::io::Write;
    use std::os::fd::AsFd;

    let (one, mut other) = crate::links::tcp_pair();
    let mut stream = poised::net::TcpStream::from_std(one);
    let twin = stream.as_fd().try_clone_to_owned().unwrap();
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, Interest::READABLE);
    harness.deregister(&mut stream);
    drop(stream);
    other.write_all(b"x").unwrap();
    harness.expect_none();
    let mut twin = poised::net::TcpStream::from(twin);
    harness.register(&mut twin, Token(11), Interest::READABLE);
    harness.expect_readable(Token(11));
}

fn p07_others_are_not_disturbed(mut link: Link) {
    let mut harness = Harness::new();
    let mut neighbour = Link::tcp();
    harness.register(&mut neighbour.reader, Token(11), Interest::READABLE);
    harness.register(&mut link.reader, IT, Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(IT);
    neighbour.send(b"y");
    harness.deregister(&mut link.reader);
    harness.expect_readable(Token(11));
    neighbour.receive_all(b"y");
}

leaves_nothing_open!(
    #[cfg(unix)]
    p07_deregistered_while_a_twin_is_open,
);
