//! The sources, each one end of a link: what is written into one end is read from the other.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream as StdTcpStream, UdpSocket as StdUdpSocket};
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, OwnedSocket};

use poised::event::Source;
use poised::net::{TcpStream, UdpSocket};

/// One end of a link.
pub trait End: Source + Send {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Shuts one side down, or both; not every kind can.
    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("no shutdown of {how:?}")))
    }

    /// Another source of the same file; not every kind has one.
    fn duplicate(&self) -> io::Result<Box<dyn End>>;
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Tcp,
    Udp,
    #[cfg(unix)]
    UnixStream,
    #[cfg(unix)]
    UnixDatagram,
    /// One way: the second end is the one to write to.
    #[cfg(unix)]
    Pipe,
    #[cfg(unix)]
    SourceFd,
    #[cfg(unix)]
    IoSource,
    #[cfg(windows)]
    NamedPipe,
}

pub type Pair = [Box<dyn End>; 2];

impl Kind {
    #[cfg(unix)]
    pub const ALL: &'static [Kind] =
        &[Kind::Tcp, Kind::Udp, Kind::UnixStream, Kind::UnixDatagram, Kind::Pipe, Kind::SourceFd, Kind::IoSource];
    #[cfg(windows)]
    pub const ALL: &'static [Kind] = &[Kind::Tcp, Kind::Udp, Kind::NamedPipe];

    /// Both ends of a new link.
    pub fn pair(self) -> Pair {
        match self {
            Kind::Tcp => tcp(),
            Kind::Udp => udp(),
            #[cfg(unix)]
            Kind::UnixStream => unix::streams(),
            #[cfg(unix)]
            Kind::UnixDatagram => unix::datagrams(),
            #[cfg(unix)]
            Kind::Pipe => unix::pipe(),
            #[cfg(unix)]
            Kind::SourceFd => unix::descriptors(),
            #[cfg(unix)]
            Kind::IoSource => unix::wrapped(),
            #[cfg(windows)]
            Kind::NamedPipe => windows::pipe(),
        }
    }
}

fn boxed(ends: [impl End + 'static; 2]) -> Pair {
    ends.map(|end| -> Box<dyn End> { Box::new(end) })
}

fn tcp() -> Pair {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let one = StdTcpStream::connect(listener.local_addr().expect("an address")).expect("connect");
    let (other, _) = listener.accept().expect("accept");
    boxed([one, other].map(|stream| {
        stream.set_nonblocking(true).expect("non-blocking");
        stream.set_nodelay(true).expect("without delay");
        TcpStream::from_std(stream)
    }))
}

fn udp() -> Pair {
    let [one, other] = [0; 2].map(|port| StdUdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("bind"));
    one.connect(other.local_addr().expect("an address")).expect("connect");
    other.connect(one.local_addr().expect("an address")).expect("connect");
    boxed([one, other].map(|socket| {
        socket.set_nonblocking(true).expect("non-blocking");
        UdpSocket::from_std(socket)
    }))
}

#[cfg(unix)]
fn another(end: &impl AsFd) -> io::Result<OwnedFd> {
    end.as_fd().try_clone_to_owned()
}

#[cfg(windows)]
fn another(end: &impl AsSocket) -> io::Result<OwnedSocket> {
    end.as_socket().try_clone_to_owned()
}

/// The end of a type that is made of a handle, by what it calls its operations.
macro_rules! end {
    ($type:ty, $receive:path, $send:path $(, $shut_down:path)?) => {
        impl End for $type {
            fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                $receive(self, buffer)
            }

            fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
                $send(self, bytes)
            }

            $(fn shut_down(&self, how: Shutdown) -> io::Result<()> {
                $shut_down(self, how)
            })?

            fn duplicate(&self) -> io::Result<Box<dyn End>> {
                Ok(Box::new(<$type>::from(another(self)?)))
            }
        }
    };
}

end!(TcpStream, Read::read, Write::write, TcpStream::shutdown);
end!(UdpSocket, UdpSocket::recv, UdpSocket::send);

#[cfg(unix)]
mod unix {
    use std::io::{self, Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream as StdUnixStream;

    use poised::net::{UnixDatagram, UnixStream};
    use poised::unix::pipe::{self, Receiver, Sender};
    use poised::{Interest, IoSource};

    use super::{another, boxed, End, Pair};
    use crate::util::descriptor::Descriptor;

    pub fn streams() -> Pair {
        let (one, other) = UnixStream::pair().expect("a pair");
        boxed([one, other])
    }

    pub fn datagrams() -> Pair {
        let (one, other) = UnixDatagram::pair().expect("a pair");
        boxed([one, other])
    }

    pub fn pipe() -> Pair {
        let (sender, receiver) = pipe::new().expect("a pipe");
        [Box::new(receiver), Box::new(sender)]
    }

    pub fn descriptors() -> Pair {
        boxed(std_pair().map(Descriptor))
    }

    pub fn wrapped() -> Pair {
        boxed(std_pair().map(IoSource::new))
    }

    fn std_pair() -> [StdUnixStream; 2] {
        let (one, other) = StdUnixStream::pair().expect("a pair");
        [one, other].map(|stream| {
            stream.set_nonblocking(true).expect("non-blocking");
            stream
        })
    }

    end!(UnixStream, Read::read, Write::write, UnixStream::shutdown);
    end!(UnixDatagram, UnixDatagram::recv, UnixDatagram::send, UnixDatagram::shutdown);
    end!(Receiver, Read::read, not_into);
    end!(Sender, not_from, Write::write);

    fn not_into(_: &mut Receiver, _: &[u8]) -> io::Result<usize> {
        unreachable!("a pipe's reader does not write")
    }

    fn not_from(_: &mut Sender, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("a pipe's writer does not read")
    }

    impl End for Descriptor {
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }

        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn shut_down(&self, how: Shutdown) -> io::Result<()> {
            self.0.shutdown(how)
        }

        fn duplicate(&self) -> io::Result<Box<dyn End>> {
            Ok(Box::new(Descriptor(self.0.try_clone()?)))
        }
    }

    impl End for IoSource<StdUnixStream> {
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.do_io(Interest::READABLE, |mut stream| stream.read(buffer))
        }

        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.do_io(Interest::WRITABLE, |mut stream| stream.write(bytes))
        }

        fn shut_down(&self, how: Shutdown) -> io::Result<()> {
            self.get_ref().shutdown(how)
        }

        fn duplicate(&self) -> io::Result<Box<dyn End>> {
            Ok(Box::new(IoSource::new(self.get_ref().try_clone()?)))
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::fs::OpenOptions;
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::windows::fs::OpenOptionsExt;
    use std::os::windows::io::{FromRawHandle, IntoRawHandle};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use poised::windows::NamedPipe;
    use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;

    use super::{boxed, End, Pair};

    pub fn pipe() -> Pair {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: each number is taken once, whatever the order.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(r"\\.\pipe\poised-model-{}-{number}", std::process::id());
        let server = NamedPipe::new(&name).expect("a server");
        let file = OpenOptions::new().read(true).write(true).custom_flags(FILE_FLAG_OVERLAPPED).open(name);
        let handle = file.expect("a client").into_raw_handle();
        // SAFETY: the file gave its handle away, which is overlapped.
        #[allow(unsafe_code)]
        let client = unsafe { NamedPipe::from_raw_handle(handle) };
        boxed([server, client])
    }

    impl End for NamedPipe {
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.read(buffer)
        }

        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write(bytes)
        }

        fn duplicate(&self) -> io::Result<Box<dyn End>> {
            Err(ErrorKind::Unsupported.into())
        }
    }
}
