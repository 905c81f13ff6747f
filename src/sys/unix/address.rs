//! Socket addresses in C's layout, and back.

use std::ffi::OsStr;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::Path;
use std::slice;

use libc::{c_int, sa_family_t, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage, sockaddr_un, socklen_t};

use super::size_of;

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

    /// The address of a BSD has its length in it, too, in a byte.
    fn note_length(&mut self) {
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "cygwin", target_os = "solaris")))]
        #[allow(clippy::cast_possible_truncation)] // At most 128.
        {
            self.storage.ss_len = self.length as u8;
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

    /// The address as one of the Unix domain. `None` for what the standard library's type can't be made from: a path
    /// that fills the kernel's 108 bytes (104 on the BSDs) without a NUL behind it.
    pub(crate) fn to_unix(&self) -> Option<UnixAddr> {
        let name = self.unix_name();
        match name.split_first() {
            None => UnixAddr::from_pathname("").ok(),
            Some((0, name)) => abstract_name(name),
            Some(_) => {
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                UnixAddr::from_pathname(Path::new(OsStr::from_bytes(&name[..end]))).ok()
            }
        }
    }

    /// The bytes of `sun_path` that the length covers; none for an unnamed socket.
    fn unix_name(&self) -> &[u8] {
        let Some(unix) = self.view::<sockaddr_un>() else { return &[] };
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let length = length.min(mem::size_of::<sockaddr_un>()).saturating_sub(PATH_OFFSET);
        // SAFETY: a C char and a byte have the same layout, and `length` is at most that of `sun_path`.
        unsafe { slice::from_raw_parts(unix.sun_path.as_ptr().cast(), length) }
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

impl From<&UnixAddr> for Address {
    fn from(address: &UnixAddr) -> Address {
        let mut name = [0; mem::size_of::<sockaddr_un>() - PATH_OFFSET];
        let length = if let Some(path) = address.as_pathname() {
            let path = path.as_os_str().as_bytes();
            name[..path.len()].copy_from_slice(path);
            path.len() + 1
        } else if let Some(abstract_name) = as_abstract_name(address) {
            name[1..=abstract_name.len()].copy_from_slice(abstract_name);
            abstract_name.len() + 1
        } else {
            0
        };
        // SAFETY: it is made of integers, for which zero is a value.
        let mut c: sockaddr_un = unsafe { mem::zeroed() };
        c.sun_family = family(libc::AF_UNIX);
        for (to, from) in c.sun_path.iter_mut().zip(name) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        let mut all = Address::of(c);
        // A path that leaves room for its NUL, or a name of at most 107 bytes and the NUL before it.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        let length = (PATH_OFFSET + length) as socklen_t;
        all.length = length;
        all.note_length();
        all
    }
}

/// The domain (address family) that a socket for `address` is of.
pub(crate) fn domain(address: &SocketAddr) -> c_int {
    match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

/// How far into its address the name of a Unix socket begins: behind the family, of two bytes, or of one behind that of the
/// length.
const PATH_OFFSET: usize = 2;

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

impl CAddress for sockaddr_un {
    const FAMILY: c_int = libc::AF_UNIX;
    const SHORTEST: socklen_t = 2;
}

/// A family as it is stored in an address.
fn family(family: c_int) -> sa_family_t {
    // Families are small numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let family = family as sa_family_t;
    family
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(name: &[u8]) -> Option<UnixAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    UnixAddr::from_abstract_name(name).ok()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn as_abstract_name(address: &UnixAddr) -> Option<&[u8]> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    address.as_abstract_name()
}

/// Linux alone has names that are no paths. A NUL at the beginning is an unnamed socket elsewhere: macOS fills it up to 16
/// bytes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_: &[u8]) -> Option<UnixAddr> {
    UnixAddr::from_pathname("").ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn as_abstract_name(_: &UnixAddr) -> Option<&[u8]> {
    None
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

    #[test]
    fn a_family_that_is_not_the_internet_is_an_error() {
        let unnamed = UnixAddr::from_pathname("").unwrap();
        assert_eq!(Address::from(&unnamed).to_ip().unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(Address::zeroed().to_ip().is_err());
    }

    #[test]
    fn unix_paths_come_back_as_they_went() {
        let longest = "p".repeat(107);
        for path in ["/tmp/socket", "relative", longest.as_str()] {
            let address = UnixAddr::from_pathname(path).unwrap();
            let back = Address::from(&address).to_unix().unwrap();
            assert_eq!(back.as_pathname(), Some(Path::new(path)));
        }
    }

    #[test]
    fn unnamed_and_abstract_addresses_come_back_as_they_went() {
        let unnamed = UnixAddr::from_pathname("").unwrap();
        assert!(Address::from(&unnamed).to_unix().unwrap().is_unnamed());
        // Nothing at all is what accept(2) gives for a peer without a name on some kernels.
        assert!(Address::zeroed().to_unix().unwrap().is_unnamed());
        for name in [&b"name"[..], b"with\0nul", b"", &[b'n'; 107]] {
            let address = abstract_name(name).unwrap();
            let back = Address::from(&address).to_unix().unwrap();
            assert_eq!(as_abstract_name(&back), Some(name));
        }
    }

    #[test]
    fn a_path_without_room_for_its_nul_is_left_to_the_caller() {
        let mut full = Address::from(&UnixAddr::from_pathname("p".repeat(107)).unwrap());
        // What a C program may bind to: 108 bytes, none of them NUL.
        let storage: *mut sockaddr_storage = &mut full.storage;
        // SAFETY: the storage has the size and alignment of every C address.
        unsafe { (*storage.cast::<sockaddr_un>()).sun_path[107] = libc::c_char::from_ne_bytes([b'p']) };
        assert!(full.to_unix().is_none());
    }
}
