//! The client of all servers: one message under way on each connection.

use std::io::{self, Read, Write};

use poised::event::Source;
use poised::{Events, Interest, Poll, Token};

/// Sends `messages` of `size` bytes over `streams`, each when the one before came back, and closes them. How many were
/// answered.
pub(crate) fn drive<S>(mut streams: Vec<S>, size: usize, messages: usize) -> io::Result<f64>
where
    S: Read + Write + Source,
{
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let message = vec![b'm'; size];
    let mut buffer = vec![0; 65_536];
    let mut missing = vec![size; streams.len()];
    for (n, stream) in streams.iter_mut().enumerate() {
        poll.registry().register(stream, Token(n), Interest::READABLE)?;
        stream.write_all(&message)?;
    }
    let (mut begun, mut answered) = (streams.len(), 0);
    while answered < begun {
        poll.poll(&mut events, None)?;
        for event in &events {
            let n = event.token().0;
            missing[n] -= receive(&mut streams[n], &mut buffer[..missing[n]])?;
            if missing[n] == 0 {
                answered += 1;
                if begun < messages {
                    begun += 1;
                    missing[n] = size;
                    streams[n].write_all(&message)?;
                }
            }
        }
    }
    // Below 2^52, so exact.
    #[allow(clippy::cast_precision_loss)]
    Ok(answered as f64)
}

/// Reads what there is of a message; the next one is not begun before this is complete.
fn receive(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
