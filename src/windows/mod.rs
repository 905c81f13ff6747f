//! What only Windows has: [`NamedPipe`], and options of sockets.

mod named_pipe;
mod udp;

pub use named_pipe::NamedPipe;
pub use udp::UdpSocketExt;
