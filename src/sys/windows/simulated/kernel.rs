//! The machine: what is behind a handle, what is lent to it, and which packets wait.
//!
//! Polls are one-shot, and look at levels: one that can be answered at submission is, by a packet like any other. To
//! cancel a poll that has ended does nothing. The status block is written when a poll ends, and the rest of its memory
//! when the packet is taken; in between it holds rubbish, so that whoever reads too early reads that, and what is written
//! there in the meantime is seen. A poll that did not succeed leaves the rubbish.
//!
//! It complains of broken rules: two polls in one memory, or of one socket; a helper handle, which goes with the memory
//! of its sockets, closed before their packets were taken; a waker's second packet beside its first. [`Machine::check`]
//! makes a panic of that: complaints come up while things are dropped, too, where none may be.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::iocp::CompletionStatus;
use super::schedule::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use super::schedule::{self, coin};
use crate::sys::windows::afd::{status, PollInfo, Status, StatusBlock};
use crate::sys::windows::event::Conditions;
use crate::sys::windows::WAKER_KEY;
use crate::sys::RawSource;

/// How much too early the system's clock may let go.
const TICK: Duration = Duration::from_millis(15);
/// `STATUS_INSUFFICIENT_RESOURCES`.
pub(super) const REFUSED: Status = status::of(0xC000_009A);
/// `ERROR_NO_SYSTEM_RESOURCES`, and what a port that is gone is: `ERROR_INVALID_HANDLE`.
const NO_RESOURCES: i32 = 1450;
const INVALID: i32 = 6;

#[derive(Debug)]
pub(super) struct Machine {
    kernel: Mutex<Kernel>,
    came: Condvar,
    /// The clock. Who reads it takes no turn, so it is no number of the scheduler's.
    nanos: AtomicU64,
}

/// How often it was called.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) polls: usize,
    pub(super) cancels: usize,
    pub(super) waits: usize,
    /// Waits whose end somebody looks at the clock for.
    pub(super) timed: usize,
    pub(super) devices: usize,
    /// Packets that were handed to named pipes.
    pub(super) of_pipes: usize,
}

#[derive(Debug, Default)]
struct Kernel {
    /// The objects by their handles.
    handles: BTreeMap<RawSource, usize>,
    objects: Vec<Object>,
    /// By the address of the status block, until the packet is taken.
    polls: BTreeMap<usize, InKernel>,
    ports: BTreeMap<usize, VecDeque<Packet>>,
    devices: BTreeMap<usize, Helper>,
    opened: usize,
    counts: Counts,
    faults: Faults,
    /// The first rule that was broken.
    complaint: Option<String>,
}

/// What goes wrong, as a test has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// How many submissions are refused.
    pub(super) refused: usize,
    /// How many packets there is no memory for.
    pub(super) unposted: usize,
    /// The most packets that one call takes, if that is less than there is room for.
    pub(super) batch: Option<usize>,
    pub(super) no_devices: bool,
    pub(super) no_ports: bool,
}

#[derive(Debug)]
struct Object {
    level: Conditions,
    handles: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Helper {
    port: usize,
    key: usize,
}

#[derive(Debug)]
struct InKernel {
    device: usize,
    handle: RawSource,
    object: usize,
    asked: Conditions,
    context: usize,
    info: usize,
    /// What it came to, once its packet is queued.
    answer: Option<(Status, Conditions)>,
}

#[derive(Debug)]
struct Packet {
    status: CompletionStatus,
    /// The address of the poll that it is of.
    of: Option<usize>,
}

thread_local! {
    static HERE: RefCell<Weak<Machine>> = RefCell::default();
}

impl Machine {
    /// Starts a machine; it is the one of this thread, and of those that shuttle makes of it, while the result lives.
    pub(super) fn boot() -> Arc<Machine> {
        let machine = Arc::new(Machine { kernel: Mutex::default(), came: Condvar::new(), nanos: AtomicU64::new(0) });
        HERE.with(|here| here.replace(Arc::downgrade(&machine)));
        machine
    }

    pub(super) fn here() -> Arc<Machine> {
        HERE.with(|here| here.borrow().upgrade()).expect("a machine")
    }

    fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What may bring packets.
    fn change<R>(&self, change: impl FnOnce(&mut Kernel) -> R) -> R {
        let result = change(&mut self.lock());
        self.came.notify_all();
        result
    }

    pub(super) fn time(&self) -> Duration {
        // Relaxed: one thread of the system runs all of the simulation.
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    pub(super) fn pass(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2);
        // Relaxed: as above.
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// What the shell asks for, by way of the other modules here.
impl Machine {
    pub(super) fn open_port(&self) -> usize {
        let mut kernel = self.lock();
        let number = kernel.number();
        kernel.ports.insert(number, VecDeque::new());
        number
    }

    pub(super) fn close_port(&self, number: usize) {
        self.lock().ports.remove(&number);
    }

    pub(super) fn open_device(&self, port: usize, key: usize) -> io::Result<usize> {
        let mut kernel = self.lock();
        if kernel.faults.no_devices {
            return Err(io::Error::from_raw_os_error(NO_RESOURCES));
        }
        let number = kernel.number();
        kernel.devices.insert(number, Helper { port, key });
        kernel.counts.devices += 1;
        Ok(number)
    }

    pub(super) fn close_device(&self, number: usize) {
        let mut kernel = self.lock();
        kernel.devices.remove(&number);
        let polls = kernel.polls.len();
        kernel.polls.retain(|_, poll| poll.device != number);
        if kernel.polls.len() < polls {
            kernel.complain("memory is freed while the kernel has it".to_owned());
        }
    }

    /// # Safety
    ///
    /// The memory is the kernel's until the packet of the poll is taken, or its device closed.
    pub(super) unsafe fn poll(
        &self,
        device: usize,
        block: *mut StatusBlock,
        info: *mut PollInfo,
        context: usize,
    ) -> Status {
        self.change(|kernel| kernel.submit(device, block, info, context))
    }

    pub(super) fn cancel(&self, device: usize, block: *mut StatusBlock) {
        self.change(|kernel| {
            kernel.counts.cancels += 1;
            let address = block as usize;
            if kernel.polls.get(&address).is_some_and(|poll| poll.device == device && poll.answer.is_none()) {
                kernel.end(address, status::CANCELLED, Conditions::NONE);
            }
        });
    }

    pub(super) fn post(&self, port: usize, packet: CompletionStatus) -> io::Result<()> {
        self.change(|kernel| {
            if kernel.faults.unposted > 0 {
                kernel.faults.unposted -= 1;
                return Err(io::Error::from_raw_os_error(NO_RESOURCES));
            }
            let queue = kernel.ports.get_mut(&port).ok_or_else(|| io::Error::from_raw_os_error(INVALID))?;
            let name = |packet: &CompletionStatus| (packet.token(), packet.bytes_transferred());
            let is_there = queue.iter().any(|other| name(&other.status) == name(&packet));
            queue.push_back(Packet { status: packet, of: None });
            if is_there && packet.token() == WAKER_KEY {
                kernel.complain("a waker has two packets on their way".to_owned());
            }
            Ok(())
        })
    }

    pub(super) fn take(
        &self,
        port: usize,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Vec<CompletionStatus>> {
        let mut kernel = self.lock();
        kernel.counts.waits += 1;
        if room == 0 {
            kernel.complain("a wait with room for nothing is refused".to_owned());
        }
        loop {
            if kernel.faults.no_ports {
                return Err(io::Error::from_raw_os_error(INVALID));
            }
            let packets = kernel.dequeue(port, room);
            if !packets.is_empty() || timeout == Some(Duration::ZERO) {
                return Ok(packets);
            }
            let Some(timeout) = timeout else {
                kernel = schedule::sleep(&self.came, kernel);
                continue;
            };
            drop(kernel);
            if coin() {
                self.pass(timeout.saturating_sub(if coin() { Duration::ZERO } else { TICK }));
                return Ok(Vec::new());
            }
            schedule::yield_now();
            kernel = self.lock();
        }
    }
}

/// What else happens, as a test has it.
impl Machine {
    pub(super) fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    pub(super) fn note_timed_wait(&self) {
        self.lock().counts.timed += 1;
    }

    pub(super) fn note_packet_of_pipe(&self) {
        self.lock().counts.of_pipes += 1;
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Panics if a rule was broken.
    pub(super) fn check(&self) {
        let complaint = self.lock().complaint.clone();
        assert_eq!(complaint, None);
    }

    /// Panics as well if something was not given back: ports, helper handles or memory.
    pub(super) fn check_end(&self) {
        self.check();
        let kernel = self.lock();
        let left = (kernel.ports.len(), kernel.devices.len(), kernel.polls.len());
        drop(kernel);
        assert_eq!(left, (0, 0, 0), "ports, helper handles and polls are held to the end");
    }

    /// How much is in the kernel: helper handles and polls.
    pub(super) fn held(&self) -> (usize, usize) {
        let kernel = self.lock();
        (kernel.devices.len(), kernel.polls.len())
    }

    /// Makes a new socket with this handle, which is free.
    pub(super) fn open(&self, handle: RawSource) {
        let mut kernel = self.lock();
        let object = kernel.objects.len();
        kernel.objects.push(Object { level: Conditions::NONE, handles: 1, bytes: 0 });
        assert!(kernel.handles.insert(handle, object).is_none());
    }

    /// Makes `copy` a second handle of a socket.
    pub(super) fn duplicate(&self, handle: RawSource, copy: RawSource) {
        let mut kernel = self.lock();
        let object = kernel.handles[&handle];
        kernel.objects[object].handles += 1;
        assert!(kernel.handles.insert(copy, object).is_none());
    }

    /// Closes a handle. Polls are told with the last one.
    pub(super) fn close(&self, handle: RawSource) {
        self.change(|kernel| {
            let Some(object) = kernel.handles.remove(&handle) else { return };
            kernel.objects[object].handles -= 1;
            if kernel.objects[object].handles == 0 {
                kernel.objects[object].level = Conditions::LOCAL_CLOSE;
                kernel.look_at(object);
            }
        });
    }

    pub(super) fn is_open(&self, handle: RawSource) -> bool {
        self.lock().handles.contains_key(&handle)
    }

    pub(super) fn level(&self, handle: RawSource) -> Conditions {
        let kernel = self.lock();
        kernel.handles.get(&handle).map_or(Conditions::NONE, |&object| kernel.objects[object].level)
    }

    /// These conditions hold from now on.
    pub(super) fn happen(&self, handle: RawSource, conditions: Conditions) {
        self.change(|kernel| {
            let Some(&object) = kernel.handles.get(&handle) else { return };
            kernel.objects[object].level |= conditions;
            kernel.look_at(object);
        });
    }

    /// These conditions hold no more.
    pub(super) fn drain(&self, handle: RawSource, conditions: Conditions) {
        let mut kernel = self.lock();
        let Some(&object) = kernel.handles.get(&handle) else { return };
        let level = &mut kernel.objects[object].level;
        *level = *level - conditions;
    }

    /// A byte arrives.
    pub(super) fn send(&self, handle: RawSource) {
        self.change(|kernel| {
            let object = kernel.handles[&handle];
            kernel.objects[object].bytes += 1;
            kernel.objects[object].level |= Conditions::RECEIVE;
            kernel.look_at(object);
        });
    }

    /// Takes the bytes that arrived; none says that it would block.
    pub(super) fn receive(&self, handle: RawSource) -> usize {
        let mut kernel = self.lock();
        let object = kernel.handles[&handle];
        let object = &mut kernel.objects[object];
        object.level = object.level - Conditions::RECEIVE;
        std::mem::take(&mut object.bytes)
    }

    /// The poll of a socket, if there is one, ends for a reason of its own.
    pub(super) fn end(&self, handle: RawSource, status: Status, conditions: Conditions) {
        self.change(|kernel| {
            let mine = |poll: &InKernel| poll.handle == handle && poll.answer.is_none();
            let found = kernel.polls.iter().find(|(_, poll)| mine(poll)).map(|(&address, _)| address);
            if let Some(address) = found {
                kernel.end(address, status, conditions);
            }
        });
    }
}

impl Kernel {
    fn complain(&mut self, of: String) {
        self.complaint.get_or_insert(of);
    }

    fn number(&mut self) -> usize {
        self.opened += 1;
        self.opened
    }

    fn submit(&mut self, device: usize, block: *mut StatusBlock, info: *mut PollInfo, context: usize) -> Status {
        self.counts.polls += 1;
        let address = block as usize;
        if self.polls.contains_key(&address) {
            self.complain("two polls in one memory".to_owned());
            return REFUSED;
        }
        // SAFETY: the memory is lent from this call on (`Machine::poll`).
        let question = unsafe { info.read() };
        assert_eq!((question.handles, question.exclusive, question.timeout), (1, 0, i64::MAX));
        let number = question.handle as usize;
        let handle = RawSource::try_from(number).expect("a handle");
        if self.faults.refused > 0 {
            self.faults.refused -= 1;
            return REFUSED;
        }
        let Some(&object) = self.handles.get(&handle) else { return status::INVALID_HANDLE };
        let port = |device: usize| self.devices[&device].port;
        let is_second = |poll: &InKernel| {
            (poll.object, poll.handle, port(poll.device)) == (object, handle, port(device)) && poll.answer.is_none()
        };
        if self.polls.values().any(is_second) {
            self.complain(format!("two polls of socket {handle} are in the kernel"));
        }
        // SAFETY: as above.
        unsafe { info.write(rubbish()) };
        let asked = Conditions::from_bits(question.conditions);
        let poll = InKernel { device, handle, object, asked, context, info: info as usize, answer: None };
        self.polls.insert(address, poll);
        self.look_at(object);
        match self.polls[&address].answer {
            Some((status, _)) => status,
            None => status::PENDING,
        }
    }

    /// Ends the polls of an object that ask for what holds.
    fn look_at(&mut self, object: usize) {
        let level = self.objects[object].level;
        let holds = |poll: &InKernel| poll.object == object && poll.answer.is_none() && poll.asked.intersects(level);
        let found = self.polls.iter().filter(|(_, poll)| holds(poll));
        let found: Vec<_> = found.map(|(&address, poll)| (address, poll.asked & level)).collect();
        found.into_iter().for_each(|(address, conditions)| self.end(address, 0, conditions));
    }

    fn end(&mut self, address: usize, status: Status, conditions: Conditions) {
        let poll = self.polls.get_mut(&address).expect("a poll");
        poll.answer = Some((status, conditions));
        let block = address as *mut StatusBlock;
        // SAFETY: the memory is lent, since the poll is here.
        unsafe { (*block).status = u32::from_ne_bytes(status.to_ne_bytes()) as usize };
        let helper = self.devices[&poll.device];
        let packet = CompletionStatus::of_operation(helper.key, poll.context, status);
        // The port may be gone.
        if let Some(queue) = self.ports.get_mut(&helper.port) {
            queue.push_back(Packet { status: packet, of: Some(address) });
        }
    }

    fn dequeue(&mut self, port: usize, room: usize) -> Vec<CompletionStatus> {
        let room = self.faults.batch.map_or(room, |batch| room.min(batch));
        let queue = self.ports.get_mut(&port).expect("a port that is open");
        let packets: Vec<_> = queue.drain(..room.min(queue.len())).collect();
        packets.iter().filter_map(|packet| packet.of).for_each(|address| self.give_back(address));
        packets.into_iter().map(|packet| packet.status).collect()
    }

    fn give_back(&mut self, address: usize) {
        let poll = self.polls.remove(&address).expect("a poll");
        let info = poll.info as *mut PollInfo;
        // SAFETY: the memory is lent until here.
        let before = unsafe { info.read() };
        let untouched = (before.timeout, before.conditions) == (rubbish().timeout, rubbish().conditions);
        if !untouched {
            self.complain("somebody wrote into memory that the kernel had".to_owned());
        }
        if let Some((0, conditions)) = poll.answer {
            let handles = u32::from(!conditions.is_none());
            let answer = PollInfo { handles, conditions: conditions.bits(), ..before };
            // SAFETY: as above.
            unsafe { info.write(answer) };
        }
    }
}

/// What memory that was lent holds until it is answered: as a set of conditions it is all of them.
fn rubbish() -> PollInfo {
    PollInfo { timeout: -1, handles: 1, exclusive: 0, handle: std::ptr::null_mut(), conditions: u32::MAX, status: -1 }
}
