//! Pipes, of which a selector knows no more than the key of their packets.

use super::iocp::{CompletionPort, CompletionStatus};
use crate::sys::windows::event::{Event, Said};
use crate::Token;

pub(crate) const KEY: usize = 2;

/// The packet of a pipe carries the token of its event.
pub(crate) fn complete(port: &CompletionPort, packet: &CompletionStatus) -> Option<Event> {
    port.machine().note_packet_of_pipe();
    Some(Event::new(Token(packet.bytes_transferred() as usize), Said::READABLE))
}
