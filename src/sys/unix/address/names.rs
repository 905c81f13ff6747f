//! Addresses of the Unix domain: paths, and Linux's names that are no paths.

use std::ffi::OsStr;
use std::mem::{self, size_of};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::Path;
use std::slice;

use libc::{c_int, sockaddr_un, socklen_t};

use super::{family, Address, CAddress};

/// How far into its address the name of a Unix socket begins: behind the family, of two bytes, or of one behind that of the
/// length.
const PATH_OFFSET: usize = 2;

impl Address {
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
        let length = length.min(size_of::<sockaddr_un>()).saturating_sub(PATH_OFFSET);
        // SAFETY: a C char and a byte have the same layout, and `length` is at most that of `sun_path`.
        unsafe { slice::from_raw_parts(unix.sun_path.as_ptr().cast(), length) }
    }
}

impl From<&UnixAddr> for Address {
    fn from(address: &UnixAddr) -> Address {
        let mut name = [0; size_of::<sockaddr_un>() - PATH_OFFSET];
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

impl CAddress for sockaddr_un {
    const FAMILY: c_int = libc::AF_UNIX;
    const SHORTEST: socklen_t = 2;
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
    use std::io;

    use libc::sockaddr_storage;

    use super::*;
    use crate::sys::unix::{net, uds};

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
    fn a_path_without_room_for_its_nul_is_left_to_the_standard_library() {
        let folder = tempfile::tempdir().unwrap();
        let path = |length: usize| folder.path().join("p".repeat(length - folder.path().as_os_str().len() - 1));
        let mut full = Address::from(&UnixAddr::from_pathname(path(107)).unwrap());
        // What a C program may bind to: 108 bytes, none of them NUL.
        let storage: *mut sockaddr_storage = &mut full.storage;
        // SAFETY: the storage has the size and alignment of every C address.
        unsafe { (*storage.cast::<sockaddr_un>()).sun_path[107] = libc::c_char::from_ne_bytes([b'p']) };
        assert!(full.to_unix().is_none());
        // Which asks the kernel for the peer's address.
        let there = UnixAddr::from_pathname(folder.path().join("there")).unwrap();
        let listener = uds::listen(&there).unwrap();
        let client = net::new_socket(libc::AF_UNIX, libc::SOCK_STREAM).unwrap();
        net::bind(&client, &full).unwrap();
        net::connect(&client, &Address::from(&there)).unwrap();
        let (_, address) = uds::accept(&listener).unwrap();
        assert_eq!(address.as_pathname(), Some(path(108).as_path()));
    }
}
