use std::io;

use crate::net::UdpSocket;
use crate::sys;

/// What only Windows lets a [`UdpSocket`] choose.
pub trait UdpSocketExt: private::Sealed {
    /// Sets whether a datagram that was sent to a port that nobody has makes the *next* receive fail with
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) (`SIO_UDP_CONNRESET`).
    ///
    /// | | |
    /// | --- | --- |
    /// | after [`UdpSocket::bind`] | off: one peer that left is no matter of the others |
    /// | after [`UdpSocket::connect`] | on: there is one peer, and the error is about it. Whatever was set before; so choose after connecting |
    /// | after a connection was ended, by connecting to an unspecified address | off |
    /// | of a socket from elsewhere, as by [`UdpSocket::from_std`] | as it comes; Windows' own default is on |
    ///
    /// That is what a socket on the other systems does, where there is no choice. Where the error is reported, each
    /// datagram that was not delivered may be one; receive until `WouldBlock`, and the datagrams of others come in between.
    ///
    /// Windows does not tell which one is set. See [Winsock IOCTLs] for its words, and section 4.1.3.3 of [RFC 1122]
    /// for why a system reports it at all.
    ///
    /// # Errors
    ///
    /// The system's own, when the socket is not the system's but of a provider without this option.
    ///
    /// # Examples
    ///
    /// A program that pings many addresses, and wants to hear of those that are not there:
    ///
    /// ```
    /// use poised::net::UdpSocket;
    /// use poised::windows::UdpSocketExt;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.set_connection_reset(true)?;
    ///
    /// let mut connected = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// connected.connect(socket.local_addr()?)?;
    /// // Not interested.
    /// connected.set_connection_reset(false)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [Winsock IOCTLs]: https://learn.microsoft.com/en-us/windows/win32/winsock/winsock-ioctls
    /// [RFC 1122]: https://www.rfc-editor.org/rfc/rfc1122#section-4.1.3.3
    fn set_connection_reset(&self, on: bool) -> io::Result<()>;
}

impl UdpSocketExt for UdpSocket {
    fn set_connection_reset(&self, on: bool) -> io::Result<()> {
        sys::udp::set_connection_reset(self, on)
    }
}

mod private {
    /// Nobody else implements the trait, so that it may grow.
    pub trait Sealed {}
    impl Sealed for crate::net::UdpSocket {}
}
