//! Sockets that never block, and can be registered with a [`Registry`](crate::Registry).
//!
//! | | stream | listener | datagram |
//! | --- | --- | --- | --- |
//! | TCP, UDP | [`TcpStream`] | [`TcpListener`] | [`UdpSocket`] |
//! | Unix domain | [`UnixStream`] | [`UnixListener`] | [`UnixDatagram`] |
//!
//! Each wraps the type of the same name of the standard library, and converts from it (`from_std`) and into it (`From`).
//! A socket that comes from elsewhere must be set non-blocking before.
//!
//! Every socket that is made or accepted here is non-blocking and is not inherited by child processes. Dropping one ends
//! its registration and closes it.

mod forward;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;
#[cfg(unix)]
mod unix_datagram;
#[cfg(unix)]
mod unix_listener;
#[cfg(unix)]
mod unix_stream;

pub(crate) use forward::forward;
use forward::{forward_debug, forward_stream};
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
#[cfg(unix)]
pub use unix_datagram::UnixDatagram;
#[cfg(unix)]
pub use unix_listener::UnixListener;
#[cfg(unix)]
pub use unix_stream::UnixStream;
