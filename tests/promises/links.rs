//! The kinds of source that the promises are checked over: a [`Link`] is a pair of sources, and what is written into
//! one end can be read from the other. [`over_links`] makes one test per kind out of a function.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener as StdTcpListener, TcpStream as StdTcpStream, UdpSocket as StdUdpSocket};
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};

use poised::event::Source;
use poised::net::{TcpStream, UdpSocket};
use poised::{Interest, Token};

#[cfg(not(target_family = "wasm"))]
use crate::util::leak;
use crate::util::{expect_would_block, warm, Harness};

/// One end of a [`Link`].
pub trait End: Source + Send {
    fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
    #[cfg(unix)]
    fn raw(&self) -> RawFd;
}

/// A reader and a writer of one kind.
pub struct Link {
    pub reader: Box<dyn End>,
    pub writer: Box<dyn End>,
    /// Both ends can do both.
    pub two_way: bool,
    /// The end knows that it is registered, and with whom. (A `SourceFd` knows nothing: it can only ask the kernel.)
    pub knows: bool,
    /// An event comes once per readiness. (On poll(2) a `SourceFd`, which cannot see a `WouldBlock`, repeats them.)
    pub edges: bool,
}

impl Link {
    fn new(reader: impl End + 'static, writer: impl End + 'static) -> Link {
        Link { reader: Box::new(reader), writer: Box::new(writer), two_way: true, knows: true, edges: true }
    }

    pub fn tcp() -> Link {
        let (reader, writer) = tcp_pair();
        Link::new(TcpStream::from_std(reader), TcpStream::from_std(writer))
    }

    pub fn udp() -> Link {
        let reader = StdUdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let writer = StdUdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        reader.connect(writer.local_addr().unwrap()).expect("connect");
        writer.connect(reader.local_addr().unwrap()).expect("connect");
        reader.set_nonblocking(true).unwrap();
        writer.set_nonblocking(true).unwrap();
        let (mut reader, mut writer) = (UdpSocket::from_std(reader), UdpSocket::from_std(writer));
        warm(&mut reader);
        warm(&mut writer);
        Link::new(reader, writer)
    }

    /// Sends all of `bytes`.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        assert_eq!(self.writer.send(bytes).expect("send"), bytes.len());
    }

    /// Receives exactly `bytes`, and does not ask for more.
    #[track_caller]
    pub fn receive(&mut self, bytes: &[u8]) {
        let mut buffer = vec![0; bytes.len()];
        assert_eq!(self.reader.recv(&mut buffer).expect("receive"), bytes.len());
        assert_eq!(buffer, bytes);
    }

    /// Receives exactly `bytes`, and then the `WouldBlock`.
    #[track_caller]
    pub fn receive_all(&mut self, bytes: &[u8]) {
        self.receive(bytes);
        expect_would_block(self.reader.recv(&mut [0; 16]));
    }

    /// Reads as a user does, waiting for the next event at each `WouldBlock`, until `bytes` are there.
    #[track_caller]
    pub fn receive_with(&mut self, harness: &mut Harness, token: Token, bytes: &[u8]) {
        let mut all = Vec::new();
        let mut buffer = [0; 64];
        while all.len() < bytes.len() {
            match self.reader.recv(&mut buffer) {
                Ok(n) => all.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(harness.expect_readable(token)),
                Err(error) => panic!("receive: {error}"),
            }
        }
        assert_eq!(all, bytes);
    }

    /// Sends `bytes`, and returns when they can be read: bytes on the loopback interface may take their time.
    #[track_caller]
    pub fn send_and_arrive(&mut self, bytes: &[u8]) {
        self.send(bytes);
        let mut elsewhere = Harness::new();
        elsewhere.register(&mut self.reader, Token(0), Interest::READABLE);
        elsewhere.expect_readable(Token(0));
        elsewhere.deregister(&mut self.reader);
    }
}

/// Two connected TCP streams of the standard library, non-blocking and without Nagle's delay.
pub fn tcp_pair() -> (StdTcpStream, StdTcpStream) {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let one = StdTcpStream::connect(listener.local_addr().unwrap()).expect("connect");
    let (other, _) = listener.accept().expect("accept");
    for stream in [&one, &other] {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    (warmed(one), warmed(other))
}

fn warmed(stream: StdTcpStream) -> StdTcpStream {
    let mut stream = TcpStream::from_std(stream);
    warm(&mut stream);
    stream.into()
}

macro_rules! end {
    ($type:ty, $recv:path, $send:path) => {
        impl End for $type {
            fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                $recv(self, buffer)
            }
            fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
                $send(self, bytes)
            }
            #[cfg(unix)]
            fn raw(&self) -> RawFd {
                self.as_raw_fd()
            }
        }
    };
}

end!(TcpStream, Read::read, Write::write);
end!(UdpSocket, UdpSocket::recv, UdpSocket::send);

#[cfg(unix)]
pub mod unix {
    //! The kinds that Unix adds.

    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream as StdUnixStream;

    use poised::net::{UnixDatagram, UnixStream};
    use poised::unix::pipe::{self, Receiver, Sender};
    use poised::{Interest, IoSource};

    use super::{End, Link};
    use crate::util::descriptor::Descriptor;
    use crate::util::ON_POLL;

    impl Link {
        pub fn unix_stream() -> Link {
            let (reader, writer) = UnixStream::pair().expect("a pair");
            Link::new(reader, writer)
        }

        pub fn unix_datagram() -> Link {
            let (reader, writer) = UnixDatagram::pair().expect("a pair");
            Link::new(reader, writer)
        }

        pub fn pipe() -> Link {
            let (writer, reader) = pipe::new().expect("a pipe");
            Link { two_way: false, ..Link::new(reader, writer) }
        }

        pub fn source_fd() -> Link {
            let (reader, writer) = std_pair();
            Link { knows: false, edges: !ON_POLL, ..Link::new(Descriptor(reader), Descriptor(writer)) }
        }

        pub fn io_source() -> Link {
            let (reader, writer) = std_pair();
            Link::new(IoSource::new(reader), IoSource::new(writer))
        }
    }

    fn std_pair() -> (StdUnixStream, StdUnixStream) {
        let (one, other) = StdUnixStream::pair().expect("a pair");
        one.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        (one, other)
    }

    end!(UnixStream, Read::read, Write::write);
    end!(UnixDatagram, UnixDatagram::recv, UnixDatagram::send);
    end!(Receiver, Read::read, not_here);
    end!(Sender, not_here_either, Write::write);

    fn not_here(_: &mut Receiver, _: &[u8]) -> io::Result<usize> {
        unreachable!("a pipe's reader does not write")
    }

    fn not_here_either(_: &mut Sender, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("a pipe's writer does not read")
    }

    impl End for Descriptor {
        fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }

        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn raw(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }

    impl End for IoSource<StdUnixStream> {
        fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.do_io(Interest::READABLE, |mut stream| stream.read(buffer))
        }

        fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.do_io(Interest::WRITABLE, |mut stream| stream.write(bytes))
        }

        fn raw(&self) -> RawFd {
            self.get_ref().as_raw_fd()
        }
    }
}

/// Makes a test per kind of link out of each function: `p07_no_event::tcp` and so on; and one that says that it leaves
/// nothing open.
macro_rules! over_links {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            $crate::links::over_links!(@ $name tcp udp);
            #[cfg(not(target_family = "wasm"))]
            #[test]
            fn leaves_nothing_open() {
                $crate::links::leave_nothing_open(module_path!(), super::$name);
            }
            #[cfg(unix)]
            $crate::links::over_links!(@ $name unix_stream unix_datagram pipe source_fd io_source);
        }
    )+ };
    (@ $name:ident $($kind:ident)+) => { $(
        #[test]
        fn $kind() {
            super::$name($crate::links::Link::$kind());
        }
    )+ };
}
pub(crate) use over_links;

/// Makes a link.
pub type Make = fn() -> Link;

/// Says that `test` leaves nothing open, over all kinds of links.
#[cfg(not(target_family = "wasm"))]
pub fn leave_nothing_open(module: &str, test: fn(Link)) {
    let every_kind = || every_link().iter().for_each(|(_, make)| test(make()));
    leak::rounds(module, &[("every kind of link", &every_kind)], |_| {});
}

/// Every kind of link, with its name: for tests that run over all kinds in one process.
pub fn every_link() -> Vec<(&'static str, Make)> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut all: Vec<(&str, Make)> = vec![("tcp", Link::tcp), ("udp", Link::udp)];
    #[cfg(unix)]
    all.extend([
        ("unix_stream", Link::unix_stream as Make),
        ("unix_datagram", Link::unix_datagram),
        ("pipe", Link::pipe),
        ("source_fd", Link::source_fd),
        ("io_source", Link::io_source),
    ]);
    all
}
