//! A side of all connections, in a thread of its own: the server, or the clients.
//!
//! It is an event loop as users write them, on one [`Poll`]. The thread that conducts both sends orders through a channel and
//! wakes it; each order but [`Order::Run`] and [`Order::Starve`] is answered when it is carried out. It promises to find
//! what did not move (see [`Connection::stuck`]), and to say how often it was woken while nothing was to be done.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{getrusage, UsageWho};
use poised::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Desk, Next, Trouble};
use crate::faults::Storm;
use crate::plan::Plan;
use crate::socket::{Address, Listener, Socket};
use crate::tally::Tally;

/// The waker's token; below it are the listeners'.
pub(crate) const WAKER: Token = Token(usize::MAX);
const LISTENERS: usize = usize::MAX / 2;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
/// How soon it looks what else is to be done.
const TICK: Duration = Duration::from_millis(50);
/// How long the descriptors stay used up.
const STARVED: Duration = Duration::from_millis(200);
/// Connections that a client may begin in one turn: more would overflow the backlog.
const AT_ONCE: usize = 256;

/// What a side is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Talk; under signals or not.
    Run { storm: bool },
    /// Use up the descriptors when somebody wants to connect, for a while.
    Starve,
    /// Begin nothing, and say when nothing is under way.
    Quiesce,
    /// Do nothing for so long, and say what it took.
    Rest(Duration),
    /// End all connections, and say when there are none.
    Drain,
    /// The end.
    Stop,
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Report {
    Quiet { connections: usize },
    Rested { polls: u64, events: u64, cpu: Duration },
    Empty,
}

/// What a client needs, or a server.
#[derive(Debug)]
pub(crate) enum Role {
    Server { listeners: Vec<Listener> },
    Client { addresses: Vec<Address>, connections: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Run,
    Quiesce,
    Drain,
}

#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) poll: Poll,
    pub(crate) role: Role,
    pub(crate) desk: Desk,
    /// After this a connection that does not move is looked at.
    pub(crate) patience: Duration,
    pub(crate) orders: Receiver<Order>,
    pub(crate) reports: Sender<Report>,
}

/// What changes while it runs.
struct Loop {
    side: Side,
    mode: Mode,
    answered: bool,
    connections: HashMap<usize, Connection>,
    next: usize,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Descriptors held to have none left, when to begin, and since when accepting waits for some.
    hog: Vec<File>,
    starve: bool,
    full_since: Option<Instant>,
    storm: Option<Storm>,
    looked: Instant,
}

impl Side {
    /// Runs until it is told to stop. What it counted.
    pub(crate) fn run(self) -> Result<Tally> {
        let now = Instant::now();
        let mut this = Loop {
            side: self,
            mode: Mode::Quiesce,
            answered: true,
            connections: HashMap::new(),
            next: 0,
            timers: BinaryHeap::new(),
            hog: Vec::new(),
            starve: false,
            full_since: None,
            storm: None,
            looked: now,
        };
        this.listen().context("cannot register the listeners")?;
        let mut events = Events::with_capacity(1024);
        while this.turn(&mut events)? {}
        Ok(this.side.desk.tally)
    }
}

impl Loop {
    /// One wait, and what follows from it. Whether there is another.
    fn turn(&mut self, events: &mut Events) -> Result<bool> {
        let next = self.timers.peek().map_or(TICK, |timer| timer.0 .0.saturating_duration_since(Instant::now()));
        self.wait(events, next.min(TICK))?;
        let tokens: Vec<usize> = events.iter().map(|event| event.token().0).collect();
        for token in tokens {
            match token {
                token if Token(token) == WAKER => {
                    while let Ok(order) = self.side.orders.try_recv() {
                        if !self.obey(order, events)? {
                            return Ok(false);
                        }
                    }
                }
                token if token >= LISTENERS => self.accept(token - LISTENERS),
                id => self.advance(id),
            }
        }
        self.fire_timers();
        self.accept_again()?;
        self.connect()?;
        self.look()?;
        self.answer()?;
        Ok(true)
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> Result<()> {
        let tally = &mut self.side.desk.tally;
        tally.polls += 1;
        match self.side.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                tally.interrupted += 1;
                events.clear();
            }
            result => result.context("poll")?,
        }
        tally.events += events.iter().count() as u64;
        Ok(())
    }

    fn obey(&mut self, order: Order, events: &mut Events) -> Result<bool> {
        self.answered = false;
        match order {
            Order::Run { storm } => {
                self.storm = if storm { Some(Storm::begin()?) } else { None };
                (self.mode, self.answered) = (Mode::Run, true);
            }
            Order::Starve => (self.starve, self.answered) = (true, true),
            Order::Quiesce => {
                (self.mode, self.starve, self.storm) = (Mode::Quiesce, false, None);
                let paused: Vec<usize> = self.timers.drain().map(|timer| timer.0 .1).collect();
                self.side.desk.calm = true;
                paused.into_iter().for_each(|id| self.go_on(id));
            }
            Order::Rest(time) => self.rest(events, time)?,
            Order::Drain => {
                self.mode = Mode::Drain;
                if matches!(self.side.role, Role::Client { .. }) {
                    self.finish_all();
                }
            }
            Order::Stop => return Ok(false),
        }
        self.side.desk.calm = self.mode != Mode::Run;
        Ok(true)
    }

    /// Says that what was ordered is done, when it is.
    fn answer(&mut self) -> Result<()> {
        let idle =
            || matches!(self.side.role, Role::Server { .. }) || self.connections.values().all(Connection::is_idle);
        let report = match self.mode {
            Mode::Quiesce if !self.answered && idle() => Report::Quiet { connections: self.connections.len() },
            Mode::Drain if !self.answered && self.connections.is_empty() => {
                self.connections.shrink_to_fit();
                Report::Empty
            }
            _ => return Ok(()),
        };
        self.answered = true;
        self.side.reports.send(report).context("nobody conducts")
    }

    /// Waits as a program does that has nothing to do, and says what that took.
    fn rest(&mut self, events: &mut Events, time: Duration) -> Result<()> {
        let tally = &self.side.desk.tally;
        let (polls, seen, cpu) = (tally.polls, tally.events, thread_time()?);
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.wait(events, left)?;
            // Whatever it is, it must not be lost: it is looked at when the rest is over.
            let ids: Vec<usize> = events.iter().map(|event| event.token().0).collect();
            ids.into_iter().filter(|id| *id < LISTENERS).for_each(|id| self.advance(id));
        }
        let tally = &self.side.desk.tally;
        let (polls, seen) = (tally.polls - polls, tally.events - seen);
        self.answered = true;
        let report = Report::Rested { polls, events: seen, cpu: thread_time()? - cpu };
        self.side.reports.send(report).context("nobody conducts")
    }

    fn finish_all(&mut self) {
        for connection in self.connections.values_mut() {
            // One that is broken has an event that says so.
            drop(connection.finish());
        }
    }

    /// Has a connection do what it can.
    fn advance(&mut self, id: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.moved = Instant::now();
        let desk = &mut self.side.desk;
        let next = connection.advance(desk).and_then(|next| match next {
            // To register again makes an event of what is left.
            Next::Again => {
                self.side.poll.registry().reregister(&mut connection.socket, Token(id), BOTH)?;
                Ok(Next::Wait)
            }
            next => Ok(next),
        });
        match next {
            Ok(Next::Wait | Next::Again) => return,
            Ok(Next::Pause(time)) => return self.timers.push(Reverse((Instant::now() + time, id))),
            Ok(Next::Done) => desk.tally.done += 1,
            Err(Trouble::Broken(_)) if connection.breaks() => desk.tally.broken += 1,
            Err(trouble) => desk.tally.fail(format!("{} {id}: {trouble}: {connection:?}", self.side.name)),
        }
        self.connections.remove(&id);
    }

    fn go_on(&mut self, id: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.go_on(&mut self.side.desk);
            self.advance(id);
        }
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        while self.timers.peek().is_some_and(|timer| timer.0 .0 <= now) {
            let Some(Reverse((_, id))) = self.timers.pop() else { return };
            self.go_on(id);
        }
    }

    /// Looks once a second for connections that should have moved.
    fn look(&mut self) -> io::Result<()> {
        if self.looked.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        self.looked = Instant::now();
        let mut stuck = Vec::new();
        for (id, connection) in &mut self.connections {
            if let Some(how) = connection.stuck(self.side.patience)? {
                stuck.push((*id, how));
            }
        }
        for (id, how) in stuck {
            self.side.desk.tally.fail(format!("{} {id}: {how}", self.side.name));
            self.connections.remove(&id);
        }
        Ok(())
    }

    fn listen(&mut self) -> io::Result<()> {
        let Role::Server { listeners } = &mut self.side.role else { return Ok(()) };
        for (index, listener) in listeners.iter_mut().enumerate() {
            self.side.poll.registry().register(listener.source(), Token(LISTENERS + index), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Accepts until there is nobody, or no descriptor.
    fn accept(&mut self, index: usize) {
        if std::mem::take(&mut self.starve) {
            self.hog = use_up();
        }
        loop {
            let Role::Server { listeners } = &self.side.role else { return };
            match listeners[index].accept() {
                Ok(socket) => self.add(Connection::server(socket)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_full(&error) => {
                    self.side.desk.tally.full += 1;
                    self.full_since.get_or_insert_with(Instant::now);
                    return;
                }
                // The client was gone before.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return self.side.desk.tally.fail(format!("accept: {error}")),
            }
        }
    }

    /// Goes on accepting after the descriptors were used up: to register again tells of those who wait.
    fn accept_again(&mut self) -> io::Result<()> {
        if self.full_since.is_none_or(|since| since.elapsed() <= STARVED) {
            return Ok(());
        }
        self.full_since = None;
        self.hog = Vec::new();
        let Role::Server { listeners } = &mut self.side.role else { return Ok(()) };
        for (index, listener) in listeners.iter_mut().enumerate() {
            let token = Token(LISTENERS + index);
            self.side.poll.registry().reregister(listener.source(), token, Interest::READABLE)?;
        }
        Ok(())
    }

    /// Begins connections, as many as are to be.
    fn connect(&mut self) -> Result<()> {
        let Role::Client { connections, .. } = &self.side.role else { return Ok(()) };
        let missing = if self.mode == Mode::Run { connections.saturating_sub(self.connections.len()) } else { 0 };
        for _ in 0..missing.min(AT_ONCE) {
            let Role::Client { addresses, .. } = &self.side.role else { return Ok(()) };
            let random = &mut self.side.desk.random;
            let plan = Plan::random(random);
            let address = random.choice(addresses).context("a server listens somewhere")?;
            let begun = Socket::connect(address).and_then(|socket| Connection::client(socket, plan, random));
            match begun {
                Ok(connection) => self.add(connection),
                Err(error) if is_put_off(&error) => {
                    self.side.desk.tally.put_off += 1;
                    return Ok(());
                }
                Err(error) => self.side.desk.tally.fail(format!("connect to {address:?}: {error}")),
            }
        }
        Ok(())
    }

    fn add(&mut self, mut connection: Connection) {
        let id = self.next;
        self.next += 1;
        match self.side.poll.registry().register(&mut connection.socket, Token(id), BOTH) {
            Ok(()) => {
                self.side.desk.tally.opened += 1;
                self.connections.insert(id, connection);
            }
            Err(error) => self.side.desk.tally.fail(format!("register: {error}")),
        }
    }
}

/// All descriptors that are left.
fn use_up() -> Vec<File> {
    let Ok(first) = File::open("/dev/null") else { return Vec::new() };
    let others = std::iter::from_fn(|| first.try_clone().ok()).collect::<Vec<_>>();
    others.into_iter().chain([first]).collect()
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::ENFILE))
}

/// Descriptors or addresses are used up, or a backlog is full: for now.
fn is_put_off(error: &io::Error) -> bool {
    is_full(error) || matches!(error.raw_os_error(), Some(nix::libc::EADDRNOTAVAIL | nix::libc::EAGAIN))
}

/// The processor time of this thread.
fn thread_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}
