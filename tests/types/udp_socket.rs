//! `net::UdpSocket`.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};

use poised::net::UdpSocket;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, expect_would_block, on_wine, warm, Harness};

const IT: Token = Token(9);

fn socket() -> UdpSocket {
    let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    warm(&mut socket);
    socket
}

/// A socket over IPv6, where the machine has it.
fn socket_v6() -> Option<UdpSocket> {
    let mut socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0).into()).ok()?;
    warm(&mut socket);
    Some(socket)
}

/// Two sockets, the second one registered for reading.
fn two() -> (Harness, UdpSocket, UdpSocket) {
    let harness = Harness::new();
    let mut receiver = socket();
    harness.register(&mut receiver, IT, Interest::READABLE);
    (harness, socket(), receiver)
}

#[test]
fn send_to_and_recv_from() {
    let (mut harness, sender, receiver) = two();
    expect_would_block(receiver.recv_from(&mut [0; 8]));
    assert_eq!(sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap(), 5);
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(receiver.recv_from(&mut buffer).unwrap(), (5, sender.local_addr().unwrap()));
    assert_eq!(&buffer[..5], b"hello");
    expect_would_block(receiver.recv_from(&mut buffer));
}

#[test]
fn send_and_recv_when_connected() {
    let (mut harness, sender, receiver) = two();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    receiver.connect(sender.local_addr().unwrap()).unwrap();
    assert_eq!(sender.peer_addr().unwrap(), receiver.local_addr().unwrap());
    expect_would_block(receiver.recv(&mut [0; 8]));
    assert_eq!(sender.send(b"hello").unwrap(), 5);
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(receiver.recv(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer[..5], b"hello");
    expect_would_block(receiver.recv(&mut buffer));

    // Who is connected hears nobody else.
    socket().send_to(b"noise", receiver.local_addr().unwrap()).unwrap();
    sender.send(b"again").unwrap();
    harness.expect_readable(IT);
    assert_eq!(receiver.recv_from(&mut buffer).unwrap(), (5, sender.local_addr().unwrap()));
    assert_eq!(&buffer[..5], b"again");
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no peek")]
#[test]
fn peek_and_peek_from_leave_the_datagram() {
    let (mut harness, sender, receiver) = two();
    expect_would_block(receiver.peek(&mut [0; 8]));
    expect_would_block(receiver.peek_from(&mut [0; 8]));
    sender.send_to(b"look", receiver.local_addr().unwrap()).unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    for _ in 0..3 {
        assert_eq!(receiver.peek_from(&mut buffer).unwrap(), (4, sender.local_addr().unwrap()));
        assert_eq!(&buffer[..4], b"look");
    }
    receiver.connect(sender.local_addr().unwrap()).unwrap();
    assert_eq!(receiver.peek(&mut buffer).unwrap(), 4);
    assert_eq!(receiver.recv(&mut buffer).unwrap(), 4);
    expect_would_block(receiver.recv(&mut buffer));
}

#[test]
fn empty_datagrams_are_datagrams() {
    let (mut harness, sender, receiver) = two();
    assert_eq!(sender.send_to(b"", receiver.local_addr().unwrap()).unwrap(), 0);
    harness.expect_readable(IT);
    assert_eq!(receiver.recv_from(&mut [0; 8]).unwrap(), (0, sender.local_addr().unwrap()));
    expect_would_block(receiver.recv_from(&mut [0; 8]));
}

#[test]
fn large_datagrams_are_whole() {
    let (mut harness, sender, receiver) = two();
    let bytes: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    assert_eq!(sender.send_to(&bytes, receiver.local_addr().unwrap()).unwrap(), 60_000);
    harness.expect_readable(IT);
    let mut buffer = vec![0; 65_536];
    let (count, _) = receiver.recv_from(&mut buffer).unwrap();
    assert_eq!(buffer[..count], bytes);
}

#[test]
fn over_ipv6() {
    let (Some(sender), Some(mut receiver)) = (socket_v6(), socket_v6()) else { return };
    let mut harness = Harness::new();
    harness.register(&mut receiver, IT, Interest::READABLE);
    sender.send_to(b"six", receiver.local_addr().unwrap()).unwrap();
    harness.expect_readable(IT);
    assert_eq!(receiver.recv_from(&mut [0; 8]).unwrap(), (3, sender.local_addr().unwrap()));
}

#[test]
fn bind_in_use_and_foreign() {
    let busy = socket();
    expect_error(UdpSocket::bind(busy.local_addr().unwrap()), ErrorKind::AddrInUse);
    let foreign = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    if !on_wine("binds UDP sockets to addresses of other machines") {
        expect_error(UdpSocket::bind(foreign), ErrorKind::AddrNotAvailable);
    }
    expect_error(busy.peer_addr(), ErrorKind::NotConnected);
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no SO_BROADCAST")]
#[test]
fn broadcast_and_ttl() {
    let socket = socket();
    assert!(!socket.broadcast().unwrap());
    for on in [true, false] {
        socket.set_broadcast(on).unwrap();
        assert_eq!(socket.broadcast().unwrap(), on);
    }
    for ttl in [1, 32, 255] {
        socket.set_ttl(ttl).unwrap();
        assert_eq!(socket.ttl().unwrap(), ttl);
    }
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no multicast")]
#[test]
fn multicast_options_v4() {
    let socket = socket();
    for on in [false, true] {
        socket.set_multicast_loop_v4(on).unwrap();
        assert_eq!(socket.multicast_loop_v4().unwrap(), on);
    }
    for ttl in [0, 1, 42, 255] {
        socket.set_multicast_ttl_v4(ttl).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), ttl);
    }
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no multicast")]
#[test]
fn options_v6() {
    let Some(socket) = socket_v6() else { return };
    for on in [false, true] {
        socket.set_multicast_loop_v6(on).unwrap();
        assert_eq!(socket.multicast_loop_v6().unwrap(), on);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn only_v6_is_the_systems_default() {
    let Some(socket) = socket_v6() else { return };
    // An address of its own family leaves no room for the other; for all addresses the system has a setting.
    assert!(socket.only_v6().unwrap());
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0).into()).unwrap();
    let default = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only").unwrap();
    assert_eq!(socket.only_v6().unwrap(), default.trim() == "1");
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no multicast")]
#[test]
fn multicast_groups_v4() {
    let group = Ipv4Addr::new(239, 255, 17, 4);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    expect_error(socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST), ErrorKind::AddrInUse);
    socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    assert!(socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err(), "not a member any more");
    assert!(socket.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST).is_err(), "not a group");
}

#[test]
fn multicast_groups_v6() {
    let group = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0x17, 0x4);
    let Some(socket) = socket_v6() else { return };
    // Interface 1 is the loopback one; a machine may refuse groups on it.
    match socket.join_multicast_v6(&group, 1) {
        Ok(()) => {
            assert!(socket.join_multicast_v6(&group, 1).is_err(), "already a member");
            socket.leave_multicast_v6(&group, 1).unwrap();
            assert!(socket.leave_multicast_v6(&group, 1).is_err(), "not a member any more");
        }
        Err(error) => assert!(error.raw_os_error().is_some(), "{error:?}"),
    }
    assert!(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 1).is_err(), "not a group");
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no SO_ERROR for UDP")]
#[test]
fn take_error_tells_once() {
    let sender = socket();
    assert!(sender.take_error().unwrap().is_none());
    let nobody = socket().local_addr().unwrap();
    let mut harness = Harness::new();
    let mut sender = sender;
    sender.connect(nobody).unwrap();
    harness.register(&mut sender, IT, Interest::READABLE);
    sender.send(b"anybody?").unwrap();
    if cfg!(target_os = "linux") {
        harness.expect(IT, |seen| seen.tells_of_error());
        assert_eq!(sender.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionRefused);
        assert!(sender.take_error().unwrap().is_none());
    }
}

#[test]
fn try_io_gives_what_the_operation_gives() {
    let socket = socket();
    assert_eq!(socket.try_io(|| Ok(7)).unwrap(), 7);
    expect_would_block(socket.try_io(|| socket.recv(&mut [0; 8])));
    let mine = socket.try_io(|| io::Result::<()>::Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(mine.unwrap_err().to_string(), "mine");
}

#[test]
fn from_std_and_back() {
    let std = StdUdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    std.set_nonblocking(true).unwrap();
    let address = std.local_addr().unwrap();
    let mut harness = Harness::new();
    let mut receiver = UdpSocket::from_std(std);
    assert_eq!(receiver.local_addr().unwrap(), address);
    harness.register(&mut receiver, IT, Interest::READABLE);
    socket().send_to(b"hi", address).unwrap();
    harness.expect_readable(IT);
    harness.deregister(&mut receiver);
    assert_eq!(StdUdpSocket::from(receiver).recv(&mut [0; 8]).unwrap(), 2);
}

#[cfg(unix)]
#[test]
fn descriptor_round_trips() {
    let socket = socket();
    let address = socket.local_addr().unwrap();
    let socket = crate::handles::round_trips(socket, |socket| assert_eq!(socket.local_addr().unwrap(), address));
    expect_would_block(socket.recv(&mut [0; 1]));
}

#[test]
fn debug_shows_the_address() {
    let socket = socket();
    let text = format!("{socket:?}");
    assert!(text.contains("UdpSocket"), "{text}");
    assert!(text.contains(&socket.local_addr().unwrap().to_string()), "{text}");
}

leaves_nothing_open!(
    send_to_and_recv_from,
    send_and_recv_when_connected,
    peek_and_peek_from_leave_the_datagram,
    empty_datagrams_are_datagrams,
    large_datagrams_are_whole,
    over_ipv6,
    bind_in_use_and_foreign,
    broadcast_and_ttl,
    multicast_options_v4,
    options_v6,
    #[cfg(target_os = "linux")]
    only_v6_is_the_systems_default,
    multicast_groups_v4,
    multicast_groups_v6,
    take_error_tells_once,
    try_io_gives_what_the_operation_gives,
    from_std_and_back,
    #[cfg(unix)]
    descriptor_round_trips,
    debug_shows_the_address,
);
