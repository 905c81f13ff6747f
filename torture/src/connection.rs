//! One connection, seen from either side: the server answers each byte with one of its own, and both know from the plan
//! what each byte must be.
//!
//! It relies on being told of readiness once: it goes on until something would block, or gives its turn away and says so.
//! So an event that is lost leaves it where it is, which [`Connection::stuck`] finds.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

use crate::plan::{Kind, Plan, HEADER};
use crate::socket::Socket;
use crate::tally::Tally;

/// Reads and writes in one turn.
const ROUNDS: usize = 8;
/// How much a server owes before it reads no more.
const MOST_OWED: u64 = 128 << 10;
/// What a slow client reads at once.
const SIP: usize = 4 << 10;

/// What all connections of a side share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) buffer: Vec<u8>,
    pub(crate) random: Rng,
    pub(crate) tally: Tally,
    /// Nothing new is begun, and nobody is slow.
    pub(crate) calm: bool,
}

/// What is next for a connection.
#[derive(Debug)]
pub(crate) enum Next {
    /// An event.
    Wait,
    /// The others' turn; then, without an event, its own.
    Again,
    /// A while.
    Pause(Duration),
    /// Its end.
    Done,
}

/// What ends a connection that should go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is not as was planned, whatever the plan.
    Wrong(String),
    /// The system says so; some plans want that.
    Broken(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Broken(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Wrong(text) => f.write_str(text),
            Trouble::Broken(error) => write!(f, "{error}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    is_client: bool,
    /// A server learns it from the header.
    plan: Option<Plan>,
    /// What is left to send of it for a client, what has come of it for a server.
    header: Vec<u8>,
    connected: bool,
    sent: u64,
    received: u64,
    /// How far a client may send before it has an answer.
    allowed: u64,
    /// The sending half is closed.
    shut: bool,
    /// The other side has closed its own.
    ended: bool,
    /// A timer will end this.
    paused: bool,
    /// When it was seen to be ready, and did not move since.
    ready_since: Option<Instant>,
    /// When the message was begun that has no answer yet.
    asked: Option<Instant>,
    /// When a byte moved, or an event came.
    pub(crate) moved: Instant,
}

impl Connection {
    fn new(socket: Socket, is_client: bool) -> Connection {
        let now = Instant::now();
        let (sent, received, allowed) = (0, 0, 0);
        let (connected, shut, ended, paused) = (!is_client, false, false, false);
        let header = Vec::new();
        Connection {
            socket,
            is_client,
            plan: None,
            header,
            connected,
            sent,
            received,
            allowed,
            shut,
            ended,
            paused,
            ready_since: None,
            asked: Some(now),
            moved: now,
        }
    }

    pub(crate) fn server(socket: Socket) -> Connection {
        Connection::new(socket, false)
    }

    pub(crate) fn client(socket: Socket, plan: Plan, random: &mut Rng) -> io::Result<Connection> {
        if plan.kind == Kind::Slow {
            socket.narrow()?;
        }
        let mut connection = Connection::new(socket, true);
        connection.header = plan.encode().to_vec();
        connection.allowed = plan.message(random).min(plan.total);
        connection.plan = Some(plan);
        Ok(connection)
    }

    /// Whether an end with an error, or too soon, is as planned. Before the server knows the plan it is.
    pub(crate) fn breaks(&self) -> bool {
        self.plan.is_none_or(Plan::breaks)
    }

    /// Writes and reads until nothing more can be done, or it is the others' turn.
    pub(crate) fn advance(&mut self, desk: &mut Desk) -> Result<Next, Trouble> {
        if !self.connected && !self.socket.connected()? {
            return Ok(Next::Wait);
        }
        self.connected = true;
        if self.paused {
            return Ok(Next::Wait);
        }
        for _ in 0..ROUNDS {
            let mut moved = self.write(desk)?;
            if self.breaks_now(desk)? || (self.ended && self.owed() == 0) {
                return Ok(Next::Done);
            }
            match self.read(desk)? {
                Some(0) if self.is_client => return self.client_ended(),
                Some(0) => (self.ended, moved) = (true, true),
                Some(_) => moved = true,
                None => {}
            }
            if let Some(pause) = self.rest(desk, moved)? {
                self.paused = true;
                return Ok(Next::Pause(pause));
            }
            if !moved {
                return Ok(Next::Wait);
            }
            self.moved = Instant::now();
        }
        Ok(Next::Again)
    }

    /// How much there is to send now.
    fn owed(&self) -> u64 {
        let upto = if self.is_client { self.allowed } else { self.received };
        upto.saturating_sub(self.sent)
    }

    /// Sends a piece. Whether anything moved.
    fn write(&mut self, desk: &mut Desk) -> Result<bool, Trouble> {
        let Some(plan) = self.plan else { return Ok(false) };
        if self.is_client && !self.header.is_empty() {
            let Some(count) = attempt(|| self.socket.write(&self.header))? else { return Ok(false) };
            self.header.drain(..count);
            return Ok(true);
        }
        let room = desk.buffer.len();
        let piece = &mut desk.buffer[..usize::try_from(self.owed()).map_or(room, |owed| owed.min(room))];
        if piece.is_empty() {
            return self.half_close(plan).map(|()| false);
        }
        let pattern = if self.is_client { plan.question() } else { plan.answer() };
        pattern.fill(self.sent, piece);
        let Some(count) = attempt(|| self.socket.write(piece))? else { return Ok(false) };
        self.sent += count as u64;
        desk.tally.bytes_sent += count as u64;
        Ok(true)
    }

    /// Closes the sending half of a client that has sent all, at once or when it has the answer.
    fn half_close(&mut self, plan: Plan) -> Result<(), Trouble> {
        let now = match plan.kind {
            Kind::Bulk | Kind::Slow => true,
            Kind::Chat => self.received == self.sent,
            _ => false,
        };
        if self.is_client && !self.shut && self.sent == plan.total && now {
            self.finish()?;
        }
        Ok(())
    }

    /// Closes the sending half: the server will answer what is left, and close.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.paused = false;
        if !self.shut {
            self.shut = true;
            self.socket.shutdown_write()?;
        }
        Ok(())
    }

    /// Receives a piece: how many bytes, none where it would block.
    fn read(&mut self, desk: &mut Desk) -> Result<Option<usize>, Trouble> {
        if self.ended || (!self.is_client && self.owed() > MOST_OWED) {
            return Ok(None);
        }
        let is_slow = self.is_client && self.plan.is_some_and(|plan| plan.kind == Kind::Slow) && !desk.calm;
        let most = if is_slow { SIP } else { desk.buffer.len() };
        let Some(count) = attempt(|| self.socket.read(&mut desk.buffer[..most]))? else { return Ok(None) };
        let bytes = &desk.buffer[..count];
        let taken = if self.is_client { 0 } else { self.take_header(bytes)? };
        let bytes = &bytes[taken..];
        let Some(plan) = self.plan else { return Ok(Some(count)) };
        let pattern = if self.is_client { plan.answer() } else { plan.question() };
        if let Some(at) = pattern.check(self.received, bytes) {
            return Err(Trouble::Wrong(format!("byte {at} is wrong, in a piece of {} at {}", count, self.received)));
        }
        self.received += bytes.len() as u64;
        desk.tally.bytes_received += bytes.len() as u64;
        Ok(Some(count))
    }

    /// Takes what is of the header: how many bytes.
    fn take_header(&mut self, bytes: &[u8]) -> Result<usize, Trouble> {
        let taken = bytes.len().min(HEADER - self.header.len());
        self.header.extend_from_slice(&bytes[..taken]);
        if self.plan.is_none() && self.header.len() == HEADER {
            let plan = Plan::decode(&self.header).ok_or_else(|| Trouble::Wrong("a header that is none".to_owned()))?;
            if plan.kind == Kind::Slow {
                self.socket.narrow()?;
            }
            self.plan = Some(plan);
        }
        Ok(taken)
    }

    /// Whether this side ends it here, as planned.
    fn breaks_now(&mut self, desk: &mut Desk) -> io::Result<bool> {
        let Some(plan) = self.plan else { return Ok(false) };
        let now = match (plan.kind, self.is_client) {
            (Kind::ResetByClient, true) => self.header.is_empty() && self.sent >= plan.half(),
            (Kind::ResetByServer, false) => self.received >= plan.half(),
            (Kind::Leave, true) => self.sent == plan.total && self.received >= plan.half(),
            _ => false,
        };
        if now {
            match plan.kind {
                Kind::Leave => desk.tally.left += 1,
                _ => {
                    self.socket.reset_when_dropped()?;
                    desk.tally.resets += 1;
                }
            }
        }
        Ok(now)
    }

    /// The server has closed: an end as planned, or too soon.
    fn client_ended(&self) -> Result<Next, Trouble> {
        if self.breaks() || (self.shut && self.received == self.sent) {
            return Ok(Next::Done);
        }
        let (sent, received) = (self.sent, self.received);
        Err(Trouble::Wrong(format!("the answer ends at {received}, {sent} were sent (half-closed: {})", self.shut)))
    }

    /// How long a client rests before it goes on, if it does.
    fn rest(&mut self, desk: &mut Desk, moved: bool) -> Result<Option<Duration>, Trouble> {
        let Some(plan) = self.plan.filter(|_| self.is_client) else { return Ok(None) };
        match plan.kind {
            Kind::Slow if moved && !desk.calm => Ok(Some(Duration::from_millis(desk.random.u64(1..20)))),
            Kind::Chat if self.is_answered() && self.sent < plan.total && !self.shut => {
                if let Some(asked) = self.asked.take() {
                    desk.tally.answered(asked.elapsed());
                }
                Ok((!desk.calm).then(|| Plan::pause(&mut desk.random)))
            }
            _ => Ok(None),
        }
    }

    fn is_answered(&self) -> bool {
        self.connected && self.header.is_empty() && self.sent == self.allowed && self.received == self.sent
    }

    /// The pause is over: a client says more, unless all is to be calm.
    pub(crate) fn go_on(&mut self, desk: &mut Desk) {
        self.paused = false;
        self.moved = Instant::now();
        let Some(plan) = self.plan else { return };
        if !desk.calm && plan.kind == Kind::Chat && self.is_answered() {
            self.asked = Some(Instant::now());
            self.allowed = plan.total.min(self.allowed + plan.message(&mut desk.random));
        }
    }

    /// Whether a client has nothing to do until it is told to end.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_answered() && self.plan.is_some_and(|plan| plan.kind == Kind::Chat && self.sent < plan.total)
    }

    /// What is wrong with a connection that did not move for `patience`, if something is: that it was ready for so long and
    /// had no event, or that its peer does nothing.
    pub(crate) fn stuck(&mut self, patience: Duration) -> io::Result<Option<String>> {
        let still = self.moved.elapsed();
        if self.paused || still < patience {
            self.ready_since = None;
            return Ok(None);
        }
        let reads = !self.ended && (self.is_client || self.owed() <= MOST_OWED);
        let writes = !self.connected || self.owed() > 0 || (self.is_client && !self.header.is_empty());
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, reads && self.connected);
        wanted.set(PollFlags::POLLOUT, writes);
        let mut entries = [PollFd::new(self.socket.as_fd(), wanted)];
        match poll(&mut entries, PollTimeout::ZERO) {
            Err(Errno::EINTR) => return Ok(None),
            result => result?,
        };
        let ready = entries[0].revents().unwrap_or(PollFlags::empty());
        let state = format!("{} of {} sent, {} received", self.sent, self.sent + self.owed(), self.received);
        if !ready.is_empty() {
            // It may have become so just now, with many others whose turn comes first.
            let ready_for = self.ready_since.get_or_insert_with(Instant::now).elapsed();
            let lost = ready_for >= patience;
            return Ok(lost.then(|| format!("ready ({ready:?}) for {ready_for:?} without an event: {state}")));
        }
        self.ready_since = None;
        let waits = if self.is_client { !self.is_idle() } else { self.owed() > 0 };
        let late = waits && still > patience * 4;
        Ok(late.then(|| format!("nothing moved for {still:?}: {state}")))
    }
}

/// Performs `call` until no signal disturbs it; none where it would block.
fn attempt(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(Some),
        }
    }
}
