//! P05 Interest filters: WRITABLE alone never reports readable, and the reverse. Errors and hang-ups are always
//! reported.

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::Harness;

const IT: Token = Token(6);

over_links!(p05_writable_alone, p05_readable_alone);

fn p05_writable_alone(mut link: Link) {
    if !link.two_way {
        return;
    }
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    harness.register(&mut link.reader, IT, Interest::WRITABLE);
    let seen = harness.expect_writable(IT);
    assert!(!seen.readable, "{seen:?}");
    link.send(b"y");
    let later = harness.until_sentinel();
    assert!(later.iter().all(|event| !event.is_readable()), "{later:?}");
}

fn p05_readable_alone(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    harness.expect_none();
    link.send(b"x");
    let seen = harness.expect_readable(IT);
    assert!(!seen.writable, "{seen:?}");
}

#[cfg(target_os = "linux")]
mod linux {
    //! Errors, hang-ups and urgent bytes, made on purpose.

    use nix::sys::socket::{send, MsgFlags};
    use poised::net::{TcpStream, UdpSocket, UnixStream};
    use poised::unix::pipe;
    use poised::{Interest, Token};
    use std::net::Ipv4Addr;
    use std::os::fd::AsRawFd;

    use super::IT;
    use crate::links::tcp_pair;
    use crate::util::leak::leaves_nothing_open;
    use crate::util::{linux::reset_on_close, Harness};

    const EACH: [Interest; 2] = [Interest::READABLE, Interest::WRITABLE];

    #[test]
    fn p05_reset_whatever_the_interest() {
        for interest in EACH {
            let (one, other) = tcp_pair();
            let mut harness = Harness::new();
            let mut stream = TcpStream::from_std(one);
            harness.register(&mut stream, IT, interest);
            reset_on_close(&other);
            drop(other);
            harness.expect(IT, |seen| seen.error && seen.is_closed(interest));
        }
    }

    #[test]
    fn p05_hang_up_whatever_the_interest() {
        for interest in EACH {
            let (mut stream, other) = UnixStream::pair().unwrap();
            let mut harness = Harness::new();
            harness.register(&mut stream, IT, interest);
            drop(other);
            harness.expect(IT, |seen| seen.is_closed(interest));
        }
    }

    #[test]
    fn p05_readerless_pipe_is_reported_to_the_writer() {
        let (mut sender, receiver) = pipe::new().unwrap();
        let mut harness = Harness::new();
        harness.register(&mut sender, IT, Interest::WRITABLE);
        harness.expect_writable(IT);
        drop(receiver);
        // The writer armed nothing by a `WouldBlock`: errors need no arming.
        harness.expect(IT, |seen| seen.tells_of_error() && seen.write_closed);
    }

    #[test]
    fn p05_error_of_a_datagram_whatever_the_interest() {
        for interest in EACH {
            let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let mut harness = Harness::new();
            let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap().local_addr().unwrap();
            socket.connect(nobody).unwrap();
            harness.register(&mut socket, IT, interest);
            socket.send(b"is anybody there?").unwrap();
            harness.expect(IT, |seen| seen.tells_of_error());
            let error = socket.take_error().unwrap().expect("the error that the event told of");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        }
    }

    #[test]
    fn p05_priority_needs_its_interest() {
        let (one, other) = tcp_pair();
        let mut stream = TcpStream::from_std(one);
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, Interest::READABLE);
        send(other.as_raw_fd(), b"a!", MsgFlags::MSG_OOB).expect("an urgent byte");
        let seen = harness.expect_readable(IT);
        assert!(!seen.priority, "{seen:?}");
        harness.reregister(&mut stream, Token(7), Interest::PRIORITY);
        let seen = harness.expect(Token(7), |seen| seen.priority);
        assert!(!seen.writable, "{seen:?}");
        harness.reregister(&mut stream, IT, Interest::READABLE | Interest::PRIORITY);
        harness.expect(IT, |seen| seen.priority && seen.readable);
    }

    leaves_nothing_open!(
        p05_reset_whatever_the_interest,
        p05_hang_up_whatever_the_interest,
        p05_readerless_pipe_is_reported_to_the_writer,
        p05_error_of_a_datagram_whatever_the_interest,
        p05_priority_needs_its_interest,
    );
}
