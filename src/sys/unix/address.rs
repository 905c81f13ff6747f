//! Socket addresses in C's layout, and back: those of the internet. `names` has those of the Unix domain.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use libc::{c_int, sa_family_t, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t};

use super::size_of;

#[cfg(unix)]
mod names;

/// An address of any family, as system calls take it and give it. Bytes beyond the length are zero.
pub(crate) struct Address {
    storage: sockaddr_storage,
    length: socklen_t,
}

impl Address {
    fn zeroed() -> Address {
        // SAFETY: it is made of integers, for which zero is a value.
        Address { storage: unsafe { mem::zeroed() }, length: 0 }
    }

    /// An address of one family, `T` being its C type.
    fn of<T: CAddress>(address: T) -> Address {
        let mut all = Address::zeroed();
        let room: *mut sockaddr_storage = &mut all.storage;
        // SAFETY: the storage has the size and alignment of every C address (POSIX, sys/socket.h).
        unsafe { room.cast::<T>().write(address) };
        all.length = size_of::<T>();
        all.note_length();
        all
    }

    /// The address of a BSD, and of what took its sockets from one, has its length in it, too, in a byte.
    fn note_length(&mut self) {
        #[cfg(any(
            target_vendor = "apple",
            target_os = "aix",
            target_os = "dragonfly",
            target_os = "espidf",
            target_os = "freebsd",
            target_os = "haiku",
            target_os = "hermit",
            target_os = "hurd",
            target_os = "netbsd",
            target_os = "nto",
            target_os = "openbsd",
            target_os = "vita",
            target_os = "vxworks"
        ))]
        #[allow(clippy::cast_possible_truncation)] // Short enough for that byte everywhere.
        {
            let any: *mut sockaddr_storage = &mut self.storage;
            // SAFETY: every address begins as a `sockaddr` does (POSIX, sys/socket.h).
            unsafe { (*any.cast::<sockaddr>()).sa_len = self.length as u8 };
        }
    }

    /// The address as one of family `T::FAMILY`, when it is of that family and whole.
    fn view<T: CAddress>(&self) -> Option<&T> {
        if c_int::from(self.storage.ss_family) != T::FAMILY || self.length < T::SHORTEST {
            return None;
        }
        let storage: *const sockaddr_storage = &self.storage;
        // SAFETY: the storage has the size and alignment of every C address, and all its bytes are initialised.
        Some(unsafe { &*storage.cast::<T>() })
    }

    /// Lets `call` write an address into the room that it is given. What `call` returns comes along.
    pub(crate) fn receive<R>(
        call: impl FnOnce(*mut sockaddr, *mut socklen_t) -> io::Result<R>,
    ) -> io::Result<(R, Address)> {
        let mut address = Address::zeroed();
        address.length = size_of::<sockaddr_storage>();
        let storage: *mut sockaddr_storage = &mut address.storage;
        let result = call(storage.cast(), &mut address.length)?;
        Ok((result, address))
    }

    pub(crate) fn as_ptr(&self) -> *const sockaddr {
        let storage: *const sockaddr_storage = &self.storage;
        storage.cast()
    }

    pub(crate) fn len(&self) -> socklen_t {
        self.length
    }

    /// Whether the kernel wrote no address at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The address as one of the internet.
    pub(crate) fn to_ip(&self) -> io::Result<SocketAddr> {
        if let Some(v4) = self.view::<sockaddr_in>() {
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            return Ok(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))));
        }
        if let Some(v6) = self.view::<sockaddr_in6>() {
            let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
            return Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)));
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket's address is neither IPv4 nor IPv6"))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        match address {
            SocketAddr::V4(v4) => {
                // SAFETY: it is made of integers, for which zero is a value.
                let mut c: sockaddr_in = unsafe { mem::zeroed() };
                c.sin_family = family(libc::AF_INET);
                c.sin_port = v4.port().to_be();
                c.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
                Address::of(c)
            }
            SocketAddr::V6(v6) => {
                // SAFETY: likewise.
                let mut c: sockaddr_in6 = unsafe { mem::zeroed() };
                c.sin6_family = family(libc::AF_INET6);
                c.sin6_port = v6.port().to_be();
                c.sin6_addr.s6_addr = v6.ip().octets();
                c.sin6_flowinfo = v6.flowinfo();
                c.sin6_scope_id = v6.scope_id();
                Address::of(c)
            }
        }
    }
}

/// The domain (address family) that a socket for `address` is of.
pub(crate) fn domain(address: &SocketAddr) -> c_int {
    match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

/// A C address type that may be written to and viewed in a `sockaddr_storage`.
trait CAddress {
    const FAMILY: c_int;
    /// The fewest bytes that make an address of this family.
    const SHORTEST: socklen_t;
}

impl CAddress for sockaddr_in {
    const FAMILY: c_int = libc::AF_INET;
    const SHORTEST: socklen_t = 16;
}

impl CAddress for sockaddr_in6 {
    const FAMILY: c_int = libc::AF_INET6;
    const SHORTEST: socklen_t = 28;
}

/// A family as it is stored in an address.
fn family(family: c_int) -> sa_family_t {
    // Families are small numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let family = family as sa_family_t;
    family
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn internet_addresses_come_back_as_they_went() {
        let addresses = [
            "127.0.0.1:80".parse().unwrap(),
            "255.255.255.255:65535".parse().unwrap(),
            "[::1]:443".parse().unwrap(),
            SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 1, 0x1234_5678, 42)),
        ];
        for address in addresses {
            assert_eq!(Address::from(address).to_ip().unwrap(), address);
        }
    }
}
