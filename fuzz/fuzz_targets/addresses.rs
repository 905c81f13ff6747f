//! Socket addresses come back as they went, in Unix' layout, and WinSock's has its bytes where the network wants them; and
//! whatever a kernel writes is read without harm.

#![no_main]

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;

use libfuzzer_sys::fuzz_target;
use poised::fuzzing::{Address, Choices};

// Of the crate alone it needs windows-sys, which poised has on Windows only.
#[allow(dead_code)]
#[path = "../../src/sys/windows/address.rs"]
mod winsock;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    match choices.byte() % 3 {
        0 => ip(&mut choices),
        1 => unix(&mut choices),
        _ => raw(&mut choices),
    }
});

fn array<const N: usize>(choices: &mut Choices<'_>) -> [u8; N] {
    std::array::from_fn(|_| choices.byte())
}

fn ip(choices: &mut Choices<'_>) {
    let port = u16::from_be_bytes(array(choices));
    let address = if choices.below(2) == 0 {
        SocketAddr::from((array::<4>(choices), port))
    } else {
        let ip = Ipv6Addr::from(array::<16>(choices));
        let (flow, scope) = (u32::from_be_bytes(array(choices)), u32::from_be_bytes(array(choices)));
        SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope))
    };
    let c = Address::of_ip(address);
    assert_eq!(c.to_ip().expect("an address"), address);
    // Another family's view of it is none.
    assert!(c.to_unix().map_or(true, |unix| unix.is_unnamed()));
    let written = c.bytes();
    assert_eq!(written.len(), if address.is_ipv4() { 16 } else { 28 });
    check_layout(&written, address, libc::AF_INET6);
    check_layout(&winsock_bytes(address), address, 23);
}

/// RFC 3493 for version 6, and what all sockets had before it: port and address in the network's order.
fn check_layout(bytes: &[u8], address: SocketAddr, family_of_v6: i32) {
    let family = i32::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
    assert_eq!(family, if address.is_ipv4() { libc::AF_INET } else { family_of_v6 });
    assert_eq!(bytes[2..4], address.port().to_be_bytes());
    match (address, address.ip()) {
        (_, IpAddr::V4(ip)) => assert_eq!((&bytes[4..8], &bytes[8..16]), (&ip.octets()[..], &[0; 8][..])),
        (SocketAddr::V6(v6), IpAddr::V6(ip)) => {
            assert_eq!(bytes[4..8], v6.flowinfo().to_ne_bytes());
            assert_eq!(bytes[8..24], ip.octets());
            assert_eq!(bytes[24..28], v6.scope_id().to_ne_bytes());
        }
        _ => unreachable!("an address has one version"),
    }
}

fn winsock_bytes(address: SocketAddr) -> Vec<u8> {
    let (c, length) = winsock::socket_addr(&address);
    let length = usize::try_from(length).expect("a length");
    // SAFETY: the union was made of the variant of this length, all bytes of which are written.
    unsafe { std::slice::from_raw_parts(c.as_ptr().cast::<u8>(), length) }.to_vec()
}

fn unix(choices: &mut Choices<'_>) {
    let is_abstract = choices.below(2) == 0;
    let name = choices.bytes(200);
    let address = if is_abstract {
        UnixAddr::from_abstract_name(name)
    } else {
        UnixAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
    };
    // Names that are too long, or paths with a NUL, are none.
    let Ok(address) = address else { return };
    let c = Address::of_unix(&address);
    let back = c.to_unix().expect("an address");
    assert_eq!(back.as_pathname(), address.as_pathname());
    assert_eq!(back.as_abstract_name(), address.as_abstract_name());
    assert_eq!(back.is_unnamed(), address.is_unnamed());
    assert!(c.to_ip().is_err());
    assert!(c.bytes().len() <= 110);
}

/// What a kernel might write. Only Linux' own lengths are promised: at most the room that there was.
fn raw(choices: &mut Choices<'_>) {
    let length = u32::from(choices.byte()).min(128);
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let family = families.get(choices.below(4)).copied().unwrap_or(i32::from(choices.byte()));
    let mut bytes = u16::try_from(family).expect("a family").to_ne_bytes().to_vec();
    bytes.extend_from_slice(choices.bytes(126));
    let c = Address::of_bytes(&bytes, length);
    if let Ok(ip) = c.to_ip() {
        let again = Address::of_ip(ip);
        assert_eq!(again.to_ip().expect("an address"), ip);
        assert!(length >= 16);
    }
    if let Some(unix) = c.to_unix() {
        let again = Address::of_unix(&unix).to_unix().expect("an address");
        assert_eq!(again.as_pathname(), unix.as_pathname());
        assert_eq!(again.as_abstract_name(), unix.as_abstract_name());
    }
}
