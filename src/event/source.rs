use std::io;

use crate::{Interest, Registry, Token};

/// What can be registered with a [`Registry`].
///
/// All sockets of [`net`](crate::net) are sources, and so are pipes and [`SourceFd`](crate::unix::SourceFd). For a type
/// of one's own, wrap what it waits for in an [`IoSource`](crate::IoSource), or hold one of these sources, and pass the
/// three verbs on.
///
/// The verbs are called by [`Registry`]; a program calls those.
///
/// # Examples
///
/// ```
/// use std::io;
/// use poised::event::Source;
/// use poised::net::UdpSocket;
/// use poised::{Interest, Registry, Token};
///
/// /// A name server's client, which is ready when its socket is.
/// struct Resolver {
///     socket: UdpSocket,
/// }
///
/// impl Source for Resolver {
///     fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
///         self.socket.register(registry, token, interest)
///     }
///
///     fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
///         self.socket.reregister(registry, token, interest)
///     }
///
///     fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
///         self.socket.deregister(registry)
///     }
/// }
///
/// # fn main() -> io::Result<()> {
/// # let poll = poised::Poll::new()?;
/// let mut resolver = Resolver { socket: UdpSocket::bind("127.0.0.1:0".parse().unwrap())? };
/// poll.registry().register(&mut resolver, Token(0), Interest::READABLE)?;
/// # Ok(())
/// # }
/// ```
pub trait Source {
    /// Registers this source: see [`Registry::register`].
    ///
    /// # Errors
    ///
    /// Those of [`Registry::register`].
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()>;

    /// Changes token and interest: see [`Registry::reregister`].
    ///
    /// # Errors
    ///
    /// Those of [`Registry::reregister`].
    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()>;

    /// Ends the registration: see [`Registry::deregister`].
    ///
    /// # Errors
    ///
    /// Those of [`Registry::deregister`].
    fn deregister(&mut self, registry: &Registry) -> io::Result<()>;
}

impl<T> Source for Box<T>
where
    T: Source + ?Sized,
{
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        (**self).register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        (**self).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        (**self).deregister(registry)
    }
}
