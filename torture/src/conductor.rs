//! Conducts the two sides in rounds, and says what came of it.
//!
//! A round: all connections talk, under one fault after the other; then nothing new begins, until all is answered; then all
//! rest, open but silent, which may take neither polls nor time; then all end, and what is open and in memory must be as it was
//! after the round before.

use std::alloc::System;
use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use cap::Cap;
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use poised::{Poll, Waker};

use crate::connection::Desk;
use crate::faults::{self, Forks};
use crate::side::{Order, Report, Role, Side, WAKER};
use crate::socket::{Address, Listener};
use crate::tally::Tally;
use crate::{lossy, Options};

/// Counts what is allocated.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Descriptors for other things than connections.
const RESERVE: u64 = 256;
/// The server's ports: each has its own addresses that wait to be used again.
const PORTS: usize = 8;
const REST: Duration = Duration::from_secs(2);
/// What a rest of two threads may take: a few polls, and one part in fifty of the time.
const POLLS_AT_REST: u64 = 6;
const TIME_AT_REST: u32 = 50;
/// How much more may be in memory than after the first round.
const MORE_HEAP: usize = 256 << 10;
const MORE_RESIDENT: u64 = 32 << 20;
const BUFFER: usize = 32 << 10;

/// A side's thread, and how to speak to it.
struct Player {
    thread: JoinHandle<Result<Tally>>,
    orders: Sender<Order>,
    reports: Receiver<Report>,
    waker: Waker,
}

impl Player {
    fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).context("a side has ended")?;
        self.waker.wake().context("wake")
    }

    fn report(&self, patience: Duration) -> Result<Report> {
        self.reports.recv_timeout(patience).context("a side does not report")
    }

    fn stop(self) -> Result<Tally> {
        self.order(Order::Stop)?;
        self.thread.join().map_err(|_| anyhow::anyhow!("a side panicked"))?
    }
}

/// What is left when nothing is under way.
#[derive(Clone, Copy, Debug)]
struct Left {
    descriptors: usize,
    heap: usize,
    resident: u64,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Left { descriptors, heap, resident } = self;
        write!(f, "{descriptors} descriptors, {heap} bytes allocated, {} KiB resident", resident >> 10)
    }
}

impl Left {
    fn now() -> Result<Left> {
        let statm = std::fs::read_to_string("/proc/self/statm")?;
        let pages: u64 = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).context("statm")?;
        let descriptors = std::fs::read_dir("/proc/self/fd")?.count();
        Ok(Left { descriptors, heap: ALLOCATOR.allocated(), resident: pages * page_size() })
    }
}

fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size.unsigned_abs())
}

struct Conductor {
    server: Player,
    clients: Player,
    /// How long a side may take for what it is told.
    patience: Duration,
    findings: Vec<String>,
    most_open: usize,
    most_polls_at_rest: u64,
    most_time_at_rest: Duration,
    left: Vec<Left>,
}

/// The program.
pub(crate) fn run(options: &Options) -> Result<()> {
    faults::note_what_was_inherited();
    if let Some(why) = options.lossy.then(lossy::refusal).flatten() {
        println!("left out: {why}");
        return Ok(());
    }
    let (_, most) = rlimit::Resource::NOFILE.get()?;
    let possible = usize::try_from(most.saturating_sub(RESERVE) / 2)?;
    let connections = options.connections.unwrap_or(possible).min(possible);
    ensure!(connections > 0, "{most} descriptors are too few");
    // No more than they take, so that using up all others is soon done.
    rlimit::Resource::NOFILE.set((2 * connections as u64 + RESERVE).min(most), most)?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("{connections} connections for {} minutes, seed {seed}", options.minutes);
    let folder = std::env::temp_dir().join(format!("poised-torture-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let patience = Duration::from_secs(if options.lossy { 120 } else { 20 });
    let (server, clients) = players(options.lossy, &folder, connections, seed, patience)?;
    let mut conductor = Conductor {
        server,
        clients,
        patience: patience * 6,
        findings: Vec::new(),
        most_open: 0,
        most_polls_at_rest: 0,
        most_time_at_rest: Duration::ZERO,
        left: Vec::new(),
    };
    let result = conductor.rounds(options);
    std::fs::remove_dir_all(&folder)?;
    match result {
        Ok(forked) => conductor.verdict(forked),
        Err(error) => Err(conductor.cause(error)),
    }
}

impl Conductor {
    /// How many children were forked.
    fn rounds(&mut self, options: &Options) -> Result<u64> {
        let time = Duration::from_secs_f64(options.minutes * 60.0);
        let end = Instant::now() + time;
        let bar = ProgressBar::new(time.as_secs());
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} s {msg}")?);
        let begun = Instant::now();
        let mut forked = 0;
        loop {
            let round = self.left.len() + 1;
            bar.set_message(format!("round {round}"));
            forked += self.talk(Duration::from_secs(options.round), round, &bar, begun)?;
            self.rest()?;
            self.drain()?;
            bar.set_position(begun.elapsed().as_secs());
            // What grows is seen from the third round on: the first is the measure, less what it opens once.
            if Instant::now() >= end && self.left.len() >= 3 {
                bar.finish_and_clear();
                return Ok(forked);
            }
        }
    }

    /// All connections talk, under one fault after the other.
    fn talk(&mut self, time: Duration, round: usize, bar: &ProgressBar, begun: Instant) -> Result<u64> {
        let mut forked = 0;
        for part in 0..4 {
            // Without a fault, signals, forks, both; and descriptors are used up in each.
            let (storm, forks) = (part % 2 == 1, part >= 2);
            self.server.order(Order::Run { storm })?;
            self.clients.order(Order::Run { storm })?;
            let forks = forks.then(Forks::begin);
            thread::sleep(time / 8);
            self.server.order(Order::Starve)?;
            thread::sleep(time / 8);
            if let Some(forks) = forks {
                forked += forks.end()?;
            }
            bar.set_position(begun.elapsed().as_secs());
            bar.set_message(format!("round {round}, part {}", part + 1));
        }
        Ok(forked)
    }

    /// All is answered; then nothing may happen.
    fn rest(&mut self) -> Result<()> {
        self.clients.order(Order::Quiesce)?;
        let Report::Quiet { connections: open } = self.clients.report(self.patience)? else { bail!("another report") };
        if open == 0 {
            self.findings.push("no connection was open when all was answered".to_owned());
        }
        self.most_open = self.most_open.max(open);
        self.server.order(Order::Quiesce)?;
        self.server.report(self.patience)?;
        // What a peer closed last is on its way to the server.
        thread::sleep(Duration::from_millis(500));
        let players = [&self.server, &self.clients];
        players.iter().try_for_each(|player| player.order(Order::Rest(REST)))?;
        for player in players {
            let Report::Rested { polls, events, cpu } = player.report(self.patience)? else { bail!("another report") };
            self.most_polls_at_rest = self.most_polls_at_rest.max(polls);
            self.most_time_at_rest = self.most_time_at_rest.max(cpu);
            if polls > POLLS_AT_REST || cpu > REST / TIME_AT_REST {
                self.findings.push(format!("at rest for {REST:?}: {polls} polls, {events} events, {cpu:?} of time"));
            }
        }
        Ok(())
    }

    /// All connections end, and nothing is left of them.
    fn drain(&mut self) -> Result<()> {
        for player in [&self.clients, &self.server] {
            player.order(Order::Drain)?;
            let Report::Empty = player.report(self.patience)? else { bail!("another report") };
        }
        let now = Left::now()?;
        if let Some(first) = self.left.first() {
            if now.descriptors != first.descriptors {
                self.findings.push(format!("{} descriptors, {} before", now.descriptors, first.descriptors));
            }
            if now.heap > first.heap + MORE_HEAP || now.resident > first.resident + MORE_RESIDENT {
                self.findings.push(format!("more in memory: {now}; after the first round {first}"));
            }
        }
        self.left.push(now);
        Ok(())
    }

    /// What ended a side, if one has ended: then nothing else can be told of it.
    fn cause(self, error: anyhow::Error) -> anyhow::Error {
        let ended = [self.server, self.clients].into_iter().filter(|player| player.thread.is_finished());
        let causes = ended.filter_map(|player| player.thread.join().ok()?.err());
        causes.fold(error, |error, cause| cause.context(error))
    }

    fn verdict(self, forked: u64) -> Result<()> {
        let (server, clients) = (self.server.stop()?, self.clients.stop()?);
        let mut findings = self.findings;
        findings.extend(server.findings.iter().chain(&clients.findings).cloned());
        let failed = findings.len() as u64 + server.failed + clients.failed
            - (server.findings.len() + clients.findings.len()) as u64;
        if server.interrupted + clients.interrupted == 0 {
            findings.push("no signal ended a wait".to_owned());
        }
        if server.full == 0 {
            findings.push("the server never lacked descriptors".to_owned());
        }
        println!("{}", table(&server, &clients, forked)?);
        println!("at rest with up to {} connections, a side in {REST:?}:", self.most_open);
        println!("  at most {} polls, {:?} of processor time", self.most_polls_at_rest, self.most_time_at_rest);
        if let (Some(first), Some(last)) = (self.left.first(), self.left.last()) {
            println!("after round 1: {first}\nafter round {}: {last}", self.left.len());
        }
        ensure!(findings.is_empty(), "{} findings\n{}", failed.max(1), findings.join("\n"));
        println!("nothing found");
        Ok(())
    }
}

/// What was counted, a line each.
fn table(server: &Tally, clients: &Tally, forked: u64) -> Result<String> {
    let mut text = String::new();
    let ms = |quantile: f64| Duration::from_micros(clients.latencies.value_at_quantile(quantile));
    let [up, down] = [server.bytes_received, clients.bytes_received].map(|bytes| bytes >> 20);
    writeln!(text, "connections opened {}, accepted {}", clients.opened, server.opened)?;
    writeln!(text, "bytes checked: {up} MiB to the server, {down} MiB to the clients")?;
    writeln!(
        text,
        "messages answered {}, half of them in {:?}, 99 % in {:?}",
        clients.latencies.len(),
        ms(0.5),
        ms(0.99)
    )?;
    let ended = (clients.resets, server.resets, clients.left);
    writeln!(text, "reset by clients {}, by the server {}, left unread {}", ended.0, ended.1, ended.2)?;
    writeln!(text, "ended by an error as planned: {} at clients, {} at the server", clients.broken, server.broken)?;
    writeln!(
        text,
        "accepting stopped without descriptors {} times; {} connects put off",
        server.full, clients.put_off
    )?;
    writeln!(text, "waits ended by signals {}; children {forked}", server.interrupted + clients.interrupted)?;
    writeln!(text, "polls {}, events {}", server.polls + clients.polls, server.events + clients.events)?;
    writeln!(text, "wrong: {}", server.failed + clients.failed)?;
    Ok(text.trim_end().to_owned())
}

/// Starts both sides.
fn players(
    is_lossy: bool,
    folder: &std::path::Path,
    connections: usize,
    seed: u64,
    patience: Duration,
) -> Result<(Player, Player)> {
    let host = if is_lossy { lossy::SERVER.parse()? } else { Ipv4Addr::LOCALHOST };
    let mut asked = vec![Address::Tcp((host, 0).into()); PORTS];
    if !is_lossy {
        asked.extend((0..PORTS / 4).map(|number| Address::Unix(folder.join(number.to_string()))));
    }
    let (say, hear) = channel();
    let (laid, is_laid) = channel();
    let server = start("server", seed, patience, move || {
        let mut bound = Vec::new();
        if is_lossy {
            say.send((lossy::serve()?, Vec::new()))?;
            is_laid.recv().context("no cable")?;
            lossy::connect_to_cable(lossy::SERVER)?;
        }
        let listeners = asked.iter().map(Listener::bind).collect::<Result<Vec<_>, _>>().context("listen")?;
        for (listener, asked) in listeners.iter().zip(&asked) {
            bound.push(listener.address(asked)?);
        }
        say.send((0, bound))?;
        Ok(Role::Server { listeners })
    })?;
    let clients = start("client", !seed, patience, move || {
        let (thread, mut addresses) = hear.recv().context("no server")?;
        if is_lossy {
            println!("{}", lossy::join(thread)?);
            laid.send(())?;
            addresses = hear.recv().context("no server")?.1;
        }
        Ok(Role::Client { addresses, connections })
    })?;
    Ok((server, clients))
}

/// Starts the thread of a side, which makes what it needs by itself, in its own network.
fn start(
    name: &'static str,
    seed: u64,
    patience: Duration,
    make: impl FnOnce() -> Result<Role> + Send + 'static,
) -> Result<Player> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let (orders, obeyed) = channel();
    let (reported, reports) = channel();
    let desk = Desk { buffer: vec![0; BUFFER], random: Rng::with_seed(seed), tally: Tally::new()?, calm: true };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let role = make()?;
        Side { name, poll, role, desk, patience, orders: obeyed, reports: reported }.run()
    })?;
    Ok(Player { thread, orders, reports, waker })
}
