//! What differs from one family of sockets to the next, and from one system to the next.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;

use poised::net::{TcpListener, TcpStream};
#[cfg(unix)]
use poised::net::{UnixListener, UnixStream};
use poised::{event::Source, Interest, Registry, Token};

/// A stream socket of any family. `connected` is to be asked after an event; too early it fails with `NotConnected`.
pub(crate) trait Stream: Read + Write + Source + Send {
    fn connected(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn connected(&self) -> io::Result<()> {
        self.take_error()?.map_or_else(|| self.peer_addr().map(drop), Err)?;
        self.set_nodelay(true) // The rest of a message must not wait until the peer has acknowledged what came before.
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn connected(&self) -> io::Result<()> {
        self.take_error()?.map_or_else(|| self.peer_addr().map(drop), Err)
    }
}

/// How a side gets a new stream: the server accepts it, a client connects.
pub(crate) type Open = Box<dyn Fn() -> io::Result<Box<dyn Stream>> + Send>;

/// Registers a new listener; gives how to accept from it and how to connect to it.
pub(crate) fn listen_tcp(registry: &Registry, token: Token) -> io::Result<(Open, Open)> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    registry.register(&mut listener, token, Interest::READABLE)?;
    let address = listener.local_addr()?;
    let connect = move || Ok(Box::new(TcpStream::connect(address)?) as Box<dyn Stream>);
    Ok((Box::new(move || Ok(Box::new(listener.accept()?.0))), Box::new(connect)))
}

/// The same with Unix sockets.
#[cfg(unix)]
pub(crate) fn listen_unix(registry: &Registry, token: Token) -> io::Result<(Open, Open)> {
    let directory = tempfile::tempdir()?; // Owned by the closure that connects, and removed with it.
    let mut listener = UnixListener::bind(directory.path().join("echo"))?;
    registry.register(&mut listener, token, Interest::READABLE)?;
    let connect = move || Ok(Box::new(UnixStream::connect(directory.path().join("echo"))?) as Box<dyn Stream>);
    Ok((Box::new(move || Ok(Box::new(listener.accept()?.0))), Box::new(connect)))
}

/// How much this process can have open, once raised as far as it goes, and what is counted.
#[cfg(unix)]
pub(crate) fn limit() -> io::Result<(u64, &'static str)> {
    Ok((rlimit::increase_nofile_limit(u64::MAX)?, "descriptors (ulimit -n)"))
}

/// Windows has no setting for it: a process can have so many handles as its table has room for.
#[cfg(windows)]
pub(crate) fn limit() -> io::Result<(u64, &'static str)> {
    Ok((1 << 24, "handles"))
}

/// Whether nothing more could be opened, here or on the whole machine.
pub(crate) fn is_full(error: &io::Error) -> bool {
    // ENFILE and EMFILE; WSAEMFILE and WSAENOBUFS.
    let codes = if cfg!(windows) { [10_024, 10_055] } else { [23, 24] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}
