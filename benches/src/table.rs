//! The loads: what is measured, how, the bar that poised is to reach, and why it does not where it does not. All that is
//! told of a load stands here.

use std::time::Duration;

use anyhow::Result;

use crate::loads::echo::Size;
use crate::loads::{accept, echo, idle, poll, register, timeout, transfer, wake};
use crate::peers::{each, NAMES, SPIN};
use crate::rounds::{Round, Told};

/// A load.
pub(crate) struct Load {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) taken: Taken,
    pub(crate) how: &'static str,
    pub(crate) rows: Vec<Row>,
    /// How many it takes.
    pub(crate) descriptors: usize,
}

/// A quantity of a load.
pub(crate) struct Row {
    pub(crate) quantity: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
    /// Why the bar is missed, where it is known to be.
    pub(crate) reason: Option<&'static str>,
}

impl Load {
    /// Says why the bar of the first row is missed.
    fn because(mut self, reason: &'static str) -> Load {
        self.rows.iter_mut().take(1).for_each(|row| row.reason = Some(reason));
        self
    }
}

/// What is asked of poised.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    None,
    /// Its figure is at most this much of mio's.
    Ratio(f64),
    /// Its figure is at most this, in each round.
    Figure(f64),
}

impl Bar {
    pub(crate) fn told(self) -> Told {
        match self {
            Bar::Figure(_) => Told::Worst,
            Bar::None | Bar::Ratio(_) => Told::Median,
        }
    }
}

/// A load that a child process runs, so many turns of it.
pub(crate) type Turns = fn(usize) -> Result<()>;

/// How figures come to be.
pub(crate) enum Taken {
    /// In rounds.
    Rounds([Round; NAMES.len()]),
    /// By callgrind: instructions of a turn, less those of the base, for each of so many sources.
    Instructions { peers: [Turns; NAMES.len()], base: Option<Turns>, few: usize, many: usize, sources: usize },
    /// By ptrace: system calls between marks, for each of so many things in a turn. A call takes long under trace, so that
    /// peers which do many get fewer turns.
    Calls { peers: [Turns; NAMES.len()], turns: [usize; NAMES.len()], things: usize },
}

fn row(quantity: &'static str, unit: &'static str, bar: Bar) -> Row {
    Row { quantity, unit, bar, reason: None }
}

fn load(name: &'static str, title: &'static str, taken: Taken, how: &'static str, rows: impl Into<Vec<Row>>) -> Load {
    Load { name, title, taken, how, rows: rows.into(), descriptors: 0 }
}

const CALLGRIND: &str = "user instructions by callgrind: the difference of two run lengths by their turns";
const CPU: &str = "CPU time of the one thread (CLOCK_THREAD_CPUTIME_ID) over a loop";
const SERVER: &str =
    "CPU time of the server's thread on its own processor, from its first poll until the last connection \
    was closed; the client's thread is raw epoll on another. Delays are the client's, by the wall clock. The server's loop is \
    one function; where each turn is a function of its own, which returns after a system call, `echo-tcp` was 0.91x to 0.96x \
    when that was tried: see `transfer-tcp`";
const TRACED: &str =
    "system calls of the server's thread, by ptrace; client and server take turns in one thread, so that \
    each poll finds a message on every connection";

/// What an echo tells.
fn echo_rows(bar: Bar) -> [Row; 3] {
    [
        row("server CPU a message", "ns", bar),
        row("median delay", "µs", Bar::None),
        row("delay of 99 %", "µs", Bar::None),
    ]
}

macro_rules! echo {
    ($name:literal, $kind:ident, $title:literal, $connections:literal, $message:literal, $messages:literal, $bar:expr) => {{
        const SIZE: Size = Size { connections: $connections, message: $message, messages: $messages };
        let taken = Taken::Rounds(each!(P => |effort| echo::$kind::<P>(effort, SIZE)));
        let rows = echo_rows(Bar::Ratio($bar));
        Load { descriptors: 2 * $connections, ..load($name, $title, taken, SERVER, rows) }
    }};
}

/// All loads, in the order in which they run.
pub(crate) fn loads() -> Vec<Load> {
    let mut loads = polls();
    loads.extend(registrations());
    loads.extend(wakes());
    loads.extend(transfers());
    loads.extend(echoes());
    loads.extend(others());
    loads
}

fn polls() -> Vec<Load> {
    const LESS: &str =
        "CPU time of the one thread over a loop that writes to an eventfd, or to each of them, and polls, less \
        that of a loop that only writes";
    let instructions = |count, few, many| -> Taken {
        let (peers, base): ([Turns; NAMES.len()], Turns) = match count {
            1 => (each!(P => |turns| Ok(poll::turns::<P>(1, turns)?)), |turns| Ok(poll::base(1, turns)?)),
            _ => (each!(P => |turns| Ok(poll::turns::<P>(1024, turns)?)), |turns| Ok(poll::base(1024, turns)?)),
        };
        Taken::Instructions { peers, base: Some(base), few, many, sources: count }
    };
    vec![
        load(
            "poll-1-instructions",
            "poll, one source ready",
            instructions(1, 1_000, 11_000),
            CALLGRIND,
            [row("instructions a poll", "", Bar::Figure(36.0))],
        ),
        load(
            "poll-1024-instructions",
            "poll, 1024 sources ready",
            instructions(1024, 10, 60),
            CALLGRIND,
            [row("instructions an event", "", Bar::Figure(11.0))],
        ),
        load(
            "poll-1",
            "poll, one source ready",
            Taken::Rounds(each!(P => |effort| poll::time::<P>(effort, 1))),
            LESS,
            [row("time an event", "ns", Bar::Ratio(1.0))],
        ),
        load(
            "poll-1024",
            "poll, 1024 sources ready",
            Taken::Rounds(each!(P => |effort| poll::time::<P>(effort, 1024))),
            LESS,
            [row("time an event", "ns", Bar::Ratio(1.0))],
        ),
    ]
}

fn registrations() -> Vec<Load> {
    let instructions =
        |peers| Taken::Instructions { peers, base: None, few: 10, many: 110, sources: register::SOURCES };
    vec![
        load(
            "register-instructions",
            "register and deregister",
            instructions(each!(P => |turns| Ok(register::in_and_out_turns::<P>(turns)?))),
            CALLGRIND,
            [row("instructions of both", "", Bar::Figure(34.0))],
        ),
        load(
            "reregister-instructions",
            "reregister",
            instructions(each!(P => |turns| Ok(register::otherwise_turns::<P>(turns)?))),
            CALLGRIND,
            [row("instructions", "", Bar::Figure(17.5))],
        ),
        load(
            "register",
            "registration of 64 eventfds",
            Taken::Rounds(each!(P => |effort| register::time::<P>(effort))),
            CPU,
            [
                row("register and deregister, each", "ns", Bar::Ratio(0.95)),
                row("reregister, each", "ns", Bar::Ratio(0.95)),
            ],
        ),
    ]
}

fn wakes() -> Vec<Load> {
    const ACROSS: &str =
        "two threads that wake each other in turn; from before the wake to after the poll, by the wall clock";
    let delays = || [row("median delay", "µs", Bar::None), row("delay of 99 %", "µs", Bar::None)];
    let mut loads = vec![
        load(
            "wake",
            "wake, one thread",
            Taken::Rounds(each!(P => |effort| wake::alone::<P>(effort))),
            CPU,
            [
                row("wake while one is pending", "ns", Bar::Ratio(0.03)),
                row("wake, and the poll that tells of it", "ns", Bar::Ratio(0.25)),
            ],
        ),
        load(
            "wake-busy",
            "wake of a poller that never sleeps",
            Taken::Rounds(each!(P => |effort| wake::busy::<P>(effort))),
            "CPU time of the thread that wakes, over a loop; another polls with a timeout of zero",
            [row("a wake", "ns", Bar::None)],
        ),
        load(
            "wake-calls",
            "a million wakes of a poller that never sleeps",
            Taken::Calls {
                peers: each!(P => |turns| wake::busy_turns::<P>(turns)),
                turns: [50_000, 50_000, 1_000_000, 1_000_000],
                things: 1,
            },
            "system calls of the thread that wakes, by ptrace, of raw epoll and mio for 50,000 wakes; another thread, which \
                is not traced, polls with a timeout of zero",
            [row("system calls a wake", "", Bar::Figure(0.0))],
        ),
        load(
            "wake-across",
            "wake of a poller that sleeps",
            Taken::Rounds(each!(P => |effort| wake::across::<P>(effort, None))),
            ACROSS,
            delays(),
        ),
    ];
    if SPIN.is_some() {
        loads.push(load(
            "wake-across-spin",
            "wake of a poller that spins 100 µs, which poised alone does",
            Taken::Rounds(each!(P => |effort| wake::across::<P>(effort, Some(Duration::from_micros(100))))),
            ACROSS,
            delays(),
        ));
    }
    loads
}

fn transfers() -> Vec<Load> {
    const HOW: &str =
        "CPU time of the one thread over a loop that writes 64 bytes to one end of a connection and reads them from the other; \
        the system calls are the same. What differs is that libc's functions return after theirs: on this processor, with \
        what its kernel does against speculation, the first return after a system call costs more than all else that they do";
    let row = || [row("CPU of both", "ns", Bar::None)];
    vec![
        load(
            "transfer-tcp",
            "write and read, TCP, 64 B",
            Taken::Rounds(each!(P => |effort| transfer::tcp::<P>(effort))),
            HOW,
            row(),
        ),
        load(
            "transfer-unix",
            "write and read, Unix stream, 64 B",
            Taken::Rounds(each!(P => |effort| transfer::unix::<P>(effort))),
            HOW,
            row(),
        ),
    ]
}

fn echoes() -> Vec<Load> {
    vec![
        echo!("echo-tcp", tcp, "echo, TCP, 64 connections, 64 B", 64, 64, 8_000, 0.90),
        echo!("echo-unix", unix, "echo, Unix stream, 64 connections, 64 B", 64, 64, 15_000, 0.80).because(
            "the three system calls of a message are inline, which saves what `transfer-unix` shows for two of them; the rest \
             is the kernel's own time, and to wake the client",
        ),
        echo!("echo-tcp-1", tcp, "echo, TCP, 1 connection, 64 B", 1, 64, 2_000, 1.0),
        echo!("echo-unix-1", unix, "echo, Unix stream, 1 connection, 64 B", 1, 64, 2_000, 1.0),
        echo!("echo-tcp-1000", tcp, "echo, TCP, 1000 connections, 64 B", 1000, 64, 10_000, 1.0),
        echo!("echo-unix-1000", unix, "echo, Unix stream, 1000 connections, 64 B", 1000, 64, 15_000, 1.0),
        echo!("echo-tcp-16k", tcp, "echo, TCP, 64 connections, 16 KiB", 64, 16_384, 4_000, 1.0),
        echo!("echo-unix-16k", unix, "echo, Unix stream, 64 connections, 16 KiB", 64, 16_384, 4_000, 1.0),
        load(
            "echo-calls",
            "echo, TCP, 64 connections",
            Taken::Calls {
                peers: each!(P => |turns| echo::turns::<P>(64, turns)),
                turns: [20; NAMES.len()],
                things: 64,
            },
            TRACED,
            [row("system calls a message", "", Bar::None)],
        ),
        load(
            "echo-1-calls",
            "echo, TCP, 1 connection",
            Taken::Calls {
                peers: each!(P => |turns| echo::turns::<P>(1, turns)),
                turns: [200; NAMES.len()],
                things: 1,
            },
            TRACED,
            [row("system calls a message", "", Bar::None)],
        ),
    ]
}

fn others() -> Vec<Load> {
    vec![
        load(
            "accept",
            "connections accepted, served and closed",
            Taken::Rounds(each!(P => |effort| accept::time::<P>(effort))),
            "CPU time of the server's thread on its own processor; the client has 16 connections at a time",
            [row("server CPU a connection", "ns", Bar::Ratio(0.95))],
        )
        .because(
            "nearly all of it is the kernel's time to make and to end a connection. Of its eight system calls two of accept4 \
             and one of close go through libc, as mio's do; with accept4 inline, when that was tried, it was 0.98x",
        ),
        load(
            "accept-calls",
            "connections accepted, served and closed",
            Taken::Calls { peers: each!(P => |turns| accept::turns::<P>(turns)), turns: [200; NAMES.len()], things: 1 },
            "system calls of the server's thread, by ptrace; one connection at a time",
            [row("system calls a connection", "", Bar::None)],
        ),
        load(
            "timeout",
            "poll(100 µs) without events",
            Taken::Rounds(each!(P => |effort| timeout::short::<P>(effort))),
            "wall clock around each poll, the median of a round; early are those of less than 100 µs",
            [row("time until it returns", "µs", Bar::Ratio(0.20)), row("early", "%", Bar::Figure(0.0))],
        ),
        Load {
            descriptors: idle::SOURCES,
            ..load(
                "idle",
                "10,000 idle sources",
                Taken::Rounds(each!(P => |effort| idle::idle::<P>(effort))),
                "bytes by a counting allocator, while Unix streams are wrapped and registered; CPU time as with one source",
                [row("heap a source", "B", Bar::Figure(0.0)), row("poll with one ready", "ns", Bar::Ratio(1.0))],
            )
        },
    ]
}
