//! Socket addresses in WinSock's layout. It stands on the declarations of WinSock alone, so that a fuzzer elsewhere has it.

use std::mem::size_of;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IN6_ADDR, IN6_ADDR_0, IN_ADDR, IN_ADDR_0, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_IN6_0,
};

/// A C address of either family: a pointer to one of the two is what WinSock wants.
#[repr(C)]
pub(crate) union SocketAddrCRepr {
    v4: SOCKADDR_IN,
    v6: SOCKADDR_IN6,
}

const _: () = assert!(size_of::<SocketAddrCRepr>() == 28);
const _: () = assert!(size_of::<SOCKADDR_IN>() == 16);

impl SocketAddrCRepr {
    pub(crate) fn as_ptr(&self) -> *const SOCKADDR {
        let this: *const SocketAddrCRepr = self;
        this.cast()
    }
}

/// The C form of `address`, and how long it is.
pub(crate) fn socket_addr(address: &SocketAddr) -> (SocketAddrCRepr, i32) {
    match address {
        SocketAddr::V4(v4) => (SocketAddrCRepr { v4: c_v4(v4) }, 16),
        SocketAddr::V6(v6) => (SocketAddrCRepr { v6: c_v6(v6) }, 28),
    }
}

/// Port and address in network order, which is that of the octets.
fn c_v4(address: &SocketAddrV4) -> SOCKADDR_IN {
    let ip = IN_ADDR { S_un: IN_ADDR_0 { S_addr: u32::from_ne_bytes(address.ip().octets()) } };
    SOCKADDR_IN { sin_family: AF_INET, sin_port: address.port().to_be(), sin_addr: ip, sin_zero: [0; 8] }
}

/// Port, address and flow label in network order, the scope in the machine's.
fn c_v6(address: &SocketAddrV6) -> SOCKADDR_IN6 {
    SOCKADDR_IN6 {
        sin6_family: AF_INET6,
        sin6_port: address.port().to_be(),
        // The standard library takes this number as it is, too.
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: IN6_ADDR { u: IN6_ADDR_0 { Byte: address.ip().octets() } },
        Anonymous: SOCKADDR_IN6_0 { sin6_scope_id: address.scope_id() },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_have_the_bytes_of_the_network() {
        let (address, length) = socket_addr(&"1.2.3.4:258".parse().unwrap());
        assert_eq!(length, 16);
        // SAFETY: it was made of this family.
        let v4 = unsafe { address.v4 };
        assert_eq!((v4.sin_family, v4.sin_port.to_ne_bytes()), (AF_INET, [1, 2]));
        // SAFETY: every field of the union is these four bytes.
        assert_eq!(unsafe { v4.sin_addr.S_un.S_addr }.to_ne_bytes(), [1, 2, 3, 4]);
    }

    #[test]
    fn addresses_of_version_6_keep_flow_and_scope() {
        let ip: Ipv6Addr = "fe80::1".parse().unwrap();
        let (address, length) = socket_addr(&SocketAddr::V6(SocketAddrV6::new(ip, 258, 7, 9)));
        assert_eq!(length, 28);
        // SAFETY: it was made of this family.
        let v6 = unsafe { address.v6 };
        assert_eq!((v6.sin6_family, v6.sin6_port.to_ne_bytes(), v6.sin6_flowinfo), (AF_INET6, [1, 2], 7));
        // SAFETY: every field of the union is these bytes.
        assert_eq!(unsafe { v6.sin6_addr.u.Byte }, ip.octets());
        // SAFETY: both fields of the union are this number.
        assert_eq!(unsafe { v6.Anonymous.sin6_scope_id }, 9);
    }
}
