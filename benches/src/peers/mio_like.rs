//! poised and mio: the same lines, compiled against either crate.

use super::SPIN;

macro_rules! peer {
    ($name:ident, $krate:ident, $spin:expr) => {
        #[derive(Debug)]
        pub(crate) struct $name($krate::Poll);

        const _: () = {
            use std::io;
            use std::os::fd::RawFd;
            use std::time::Duration;

            use $krate::event::Source;
            use $krate::net::{TcpListener, TcpStream, UnixStream};
            use $krate::unix::SourceFd;
            use $krate::{Events, Interest, Poll, Token, Waker};

            use crate::peers::{self, Listener, Peer, Stream, Wake};

            const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

            fn interest(of: peers::Interest) -> Interest {
                match of {
                    peers::Interest::Readable => Interest::READABLE,
                    peers::Interest::Both => BOTH,
                }
            }

            impl Peer for $name {
                type Events = Events;
                type Waker = Waker;
                type Tcp = TcpStream;
                type Unix = UnixStream;
                type Listener = TcpListener;

                fn new() -> io::Result<Self> {
                    Poll::new().map(Self)
                }

                fn events(capacity: usize) -> Events {
                    Events::with_capacity(capacity)
                }

                #[inline]
                fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
                    self.0.poll(events, timeout)
                }

                #[inline]
                fn seen(events: &Events) -> impl Iterator<Item = (usize, bool)> {
                    events.iter().map(|event| (event.token().0, event.is_readable()))
                }

                #[inline]
                fn register(&self, fd: RawFd, token: usize, of: peers::Interest) -> io::Result<()> {
                    self.0.registry().register(&mut SourceFd(&fd), Token(token), interest(of))
                }

                #[inline]
                fn reregister(&self, fd: RawFd, token: usize, of: peers::Interest) -> io::Result<()> {
                    self.0.registry().reregister(&mut SourceFd(&fd), Token(token), interest(of))
                }

                #[inline]
                fn deregister(&self, fd: RawFd) -> io::Result<()> {
                    self.0.registry().deregister(&mut SourceFd(&fd))
                }

                fn waker(&self, token: usize) -> io::Result<Waker> {
                    Waker::new(self.0.registry(), Token(token))
                }

                fn spin(&mut self, time: Duration) {
                    let spin: Option<fn(&mut Poll, Duration)> = $spin;
                    if let Some(spin) = spin {
                        spin(&mut self.0, time);
                    }
                }
            }

            impl Wake for Waker {
                #[inline]
                fn wake(&self) -> io::Result<()> {
                    Waker::wake(self)
                }
            }

            fn register(peer: &$name, source: &mut impl Source, token: usize, of: Interest) -> io::Result<()> {
                peer.0.registry().register(source, Token(token), of)
            }

            macro_rules! stream {
                ($stream:ident, $std:ty) => {
                    impl Stream<$name> for $stream {
                        type Std = $std;

                        fn from_std(stream: $std) -> Self {
                            <$stream>::from_std(stream)
                        }

                        fn register(&mut self, peer: &$name, token: usize) -> io::Result<()> {
                            register(peer, self, token, BOTH)
                        }
                    }
                };
            }
            stream!(TcpStream, std::net::TcpStream);
            stream!(UnixStream, std::os::unix::net::UnixStream);

            impl Listener<$name> for TcpListener {
                fn from_std(listener: std::net::TcpListener) -> Self {
                    TcpListener::from_std(listener)
                }

                fn register(&mut self, peer: &$name, token: usize) -> io::Result<()> {
                    register(peer, self, token, Interest::READABLE)
                }

                fn accept(&self) -> io::Result<TcpStream> {
                    TcpListener::accept(self).map(|(stream, _)| stream)
                }
            }
        };
    };
}

peer!(Poised, poised, SPIN);
peer!(Mio, mio_registry, None);
