//! Several threads at one selector, in random orders of their steps. Who waits for an event that does not come sleeps for
//! ever, and shuttle tells of that.

use std::sync::Arc;

use shuttle::rand::{thread_rng, Rng};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use shuttle::sync::mpsc::{channel, Receiver, Sender};
use shuttle::sync::Mutex;
use shuttle::thread::{self, JoinHandle};

use super::kernel::Machine;
use crate::sys::windows::event::Conditions;
use crate::sys::windows::registration::Registration;
use crate::sys::windows::selector::Selector;
use crate::sys::windows::waker::Waker;
use crate::sys::{RawSource, Readiness, Selector as _};
use crate::{Interest, Token};

const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);
const STOP: Token = Token(usize::MAX);
const USERS: usize = 3;
const MESSAGES: usize = 4;
/// Tokens of the registrations of one user follow each other.
const TOKENS: usize = 1000;

/// What an event tells the one who has its token.
struct News {
    token: Token,
    is_readable: bool,
    is_error: bool,
}

/// What all threads share.
struct Office {
    machine: Arc<Machine>,
    /// Tokens of registrations that have ended.
    ended: Mutex<Vec<Token>>,
    is_over: AtomicBool,
}

/// Waits until it is told to stop, and hands the events out (P07: none of what had ended before it began to wait).
fn waiting(office: &Office, mut selector: Selector, users: &[Sender<News>]) {
    let mut events = Vec::with_capacity(thread_rng().gen_range(1..4));
    loop {
        let ended = office.ended.lock().unwrap().clone();
        // Never a timeout: what is lost is not found by accident.
        selector.wait(&mut events, None).unwrap();
        for event in &events {
            let token = event.token();
            assert!(!ended.contains(&token), "an event after its registration: {event:?}");
            if let Some(user) = users.get(token.0 / TOKENS) {
                let news = News { token, is_readable: event.is_readable(), is_error: event.is_error() };
                // A user who is gone hears nothing.
                let _ = user.send(news);
            }
        }
        if office.is_over.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// One connection: its user's end. The other end sends bytes, and then resets it.
struct User {
    office: Arc<Office>,
    number: usize,
    selector: Selector,
    registration: Option<Registration>,
    token: Token,
    news: Receiver<News>,
}

impl User {
    fn handle(&self) -> RawSource {
        RawSource::try_from(self.number + 10).unwrap()
    }

    fn interest() -> Interest {
        [READ, BOTH][thread_rng().gen_range(0..2)]
    }

    fn end_registration(&mut self) {
        let Some(registration) = self.registration.take() else { return };
        if thread_rng().gen() {
            self.selector.deregister(&registration, self.handle()).unwrap();
        }
        drop(registration);
        self.office.ended.lock().unwrap().push(self.token);
    }

    fn register(&mut self) {
        self.end_registration();
        self.token.0 += 1;
        self.registration = Some(self.selector.register(self.handle(), self.token, Self::interest()).unwrap());
    }

    /// Does something that keeps what is owed.
    fn stir(&mut self) {
        match thread_rng().gen_range(0..4) {
            0 => self.register(),
            1 => {
                self.token.0 += 1;
                let (handle, token) = (self.handle(), self.token);
                let registration = self.registration.as_mut().unwrap();
                self.selector.reregister(registration, handle, token, Self::interest()).unwrap();
            }
            _ => {}
        }
    }

    /// Waits for an event of what is registered now that is as it should be.
    fn hear(&self, is_it: impl Fn(&News) -> bool) {
        loop {
            let news = self.news.recv().unwrap();
            if news.token == self.token && is_it(&news) {
                return;
            }
        }
    }

    fn run(mut self) {
        self.register();
        let mut received = 0;
        while received < MESSAGES {
            match self.office.machine.receive(self.handle()) {
                0 => {
                    Selector::rearm(self.registration.as_ref().unwrap(), READ).unwrap();
                    self.stir();
                    self.hear(|news| news.is_readable);
                }
                count => received += count,
            }
        }
        // P06: nobody reads any more; the end is told all the same.
        let machine = Arc::clone(&self.office.machine);
        let handle = self.handle();
        let peer = thread::spawn(move || machine.happen(handle, Conditions::ABORT));
        self.hear(|news| news.is_error);
        peer.join().unwrap();
        self.end_registration();
        self.office.machine.close(self.handle());
    }
}

fn peer(machine: &Arc<Machine>, handle: RawSource) -> JoinHandle<()> {
    let machine = Arc::clone(machine);
    thread::spawn(move || (0..MESSAGES).for_each(|_| machine.send(handle)))
}

/// P03, P04, P06, P07, P10: users that register, read and end while a thread waits.
fn conversations() {
    let machine = Machine::boot();
    let office = Arc::new(Office { machine, ended: Mutex::default(), is_over: AtomicBool::new(false) });
    let selector = Selector::new().unwrap();
    let waker = selector.waker(STOP).unwrap();
    let (mut threads, mut senders) = (Vec::new(), Vec::new());
    for number in 0..USERS {
        let (tell, news) = channel();
        senders.push(tell);
        let selector = selector.try_clone().unwrap();
        let (office, token) = (Arc::clone(&office), Token(number * TOKENS));
        let user = User { office, number, selector, registration: None, token, news };
        user.office.machine.open(user.handle());
        threads.push(peer(&user.office.machine, user.handle()));
        threads.push(thread::spawn(move || user.run()));
    }
    let waiter = Arc::clone(&office);
    let waiter = thread::spawn(move || waiting(&waiter, selector, &senders));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    office.is_over.store(true, Ordering::SeqCst);
    Selector::wake(&waker).unwrap();
    waiter.join().unwrap();
    drop(waker);
    office.machine.check_end();
}

#[test]
fn no_schedule_of_threads_loses_an_event() {
    shuttle::check_random(conversations, 2500);
    shuttle::check_pct(conversations, 2500, 3);
}

/// P15, P16: as many wakes as one likes, and the last one counts.
fn wakes() {
    let machine = Machine::boot();
    let mut selector = Selector::new().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let waker = |number| Arc::new(selector.waker(Token(number)).unwrap());
    let wakers: [Arc<Waker>; 2] = [waker(1), waker(2)];
    let each = |number: usize| {
        let (waker, written) = (Arc::clone(&wakers[number % 2]), Arc::clone(&written));
        thread::spawn(move || {
            for _ in 0..3 {
                written.fetch_add(1, Ordering::SeqCst);
                Selector::wake(&waker).unwrap();
            }
        })
    };
    let threads: Vec<_> = (0..3).map(each).collect();
    let mut events = Vec::with_capacity(1);
    let mut seen = 0;
    while seen < 9 {
        selector.wait(&mut events, None).unwrap();
        assert!(!events.is_empty());
        seen = written.load(Ordering::SeqCst);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop((wakers, selector));
    machine.check_end();
}

#[test]
fn no_schedule_of_threads_loses_a_wake() {
    shuttle::check_random(wakes, 3000);
}
