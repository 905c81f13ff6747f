/// The name that a program gives to a registration, and that every event of it carries.
///
/// A token is the program's own: an index into its table of connections, a pointer-like value, a constant. Any `usize`
/// may be used, poised keeps none for itself, and nothing checks that two registrations have different ones.
///
/// # Examples
///
/// A table of connections, with the token as the key:
///
/// ```
/// use std::collections::HashMap;
/// use poised::net::UdpSocket;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(8);
/// let mut sockets = HashMap::new();
/// for n in 0..3 {
///     let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
///     poll.registry().register(&mut socket, Token(n), Interest::WRITABLE)?;
///     sockets.insert(Token(n), socket);
/// }
///
/// poll.poll(&mut events, None)?;
/// for event in &events {
///     let socket = &sockets[&event.token()];
///     assert!(socket.local_addr().is_ok());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(pub usize);

impl From<Token> for usize {
    fn from(token: Token) -> usize {
        token.0
    }
}
