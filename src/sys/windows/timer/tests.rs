//! The alarm over functions made of what every Windows and Wine have: a wait that a thread of the system does, and that
//! posts to the port.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, STATUS_INVALID_PARAMETER};
use windows_sys::Win32::System::Threading::{
    CreateEventW, RegisterWaitForSingleObject, UnregisterWaitEx, INFINITE, WT_EXECUTEINWAITTHREAD, WT_EXECUTEONLYONCE,
};
use windows_sys::Win32::System::IO::PostQueuedCompletionStatus;

use super::super::selector::Selector;
use super::*;
use crate::sys::{Readiness, Selector as _};
use crate::Token;

const FAKES: Functions = Functions { create, associate, cancel };

/// What stands for a wait completion packet; its handle is that of an event, for want of another.
#[derive(Default)]
struct Packet {
    wait: Option<Wait>,
    associated: u32,
    cancelled: u32,
}

/// A wait by a thread of the system.
struct Wait {
    handle: AtomicUsize,
    bell: Arc<Bell>,
}

/// What that thread does.
struct Bell {
    port: usize,
    key: usize,
    has_rung: AtomicBool,
}

impl Wait {
    /// Returns when nobody rings any more.
    fn end(&self) {
        // Relaxed: the packets are behind a lock.
        let handle = self.handle.swap(0, Ordering::Relaxed);
        if handle != 0 {
            // SAFETY: the handle is of a registered wait, and was taken out of here for this call.
            unsafe { UnregisterWaitEx(handle as HANDLE, INVALID_HANDLE_VALUE) };
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.end();
    }
}

/// All packets by their handles.
fn packets() -> MutexGuard<'static, BTreeMap<usize, Packet>> {
    static PACKETS: Mutex<BTreeMap<usize, Packet>> = Mutex::new(BTreeMap::new());
    PACKETS.lock().unwrap()
}

unsafe extern "system" fn ring(bell: *mut c_void, _: bool) {
    // SAFETY: the wait has the bell, and ends before it does.
    let bell = unsafe { &*bell.cast::<Bell>() };
    // SAFETY: takes plain values.
    let posted = unsafe { PostQueuedCompletionStatus(bell.port as HANDLE, 0, bell.key, ptr::null()) };
    assert_ne!(posted, 0);
    // Release: who sees it finds the packet in the port.
    bell.has_rung.store(true, Ordering::Release);
}

unsafe extern "system" fn create(packet: *mut HANDLE, _: u32, _: *const OBJECT_ATTRIBUTES) -> NTSTATUS {
    // SAFETY: without name and attributes the call takes plain values.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    assert!(!event.is_null());
    packets().insert(event as usize, Packet::default());
    // SAFETY: the caller has room for a handle there.
    unsafe { packet.write(event) };
    STATUS_SUCCESS
}

unsafe extern "system" fn associate(
    packet: HANDLE,
    port: HANDLE,
    timer: HANDLE,
    key: *const c_void,
    _: *const c_void,
    _: NTSTATUS,
    _: usize,
    _: *mut u8,
) -> NTSTATUS {
    let mut packets = packets();
    let packet = packets.get_mut(&(packet as usize)).unwrap();
    packet.wait = None;
    packet.associated += 1;
    let bell = Arc::new(Bell { port: port as usize, key: key as usize, has_rung: AtomicBool::new(false) });
    let mut handle = ptr::null_mut();
    let flags = WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD;
    // SAFETY: the bell lives until the wait is unregistered.
    let set = unsafe {
        RegisterWaitForSingleObject(&mut handle, timer, Some(ring), Arc::as_ptr(&bell).cast(), INFINITE, flags)
    };
    assert_ne!(set, 0);
    packet.wait = Some(Wait { handle: AtomicUsize::new(handle as usize), bell });
    STATUS_SUCCESS
}

/// Can't take a packet out of the port's queue: says then what the system says when it can't.
unsafe extern "system" fn cancel(packet: HANDLE, _: u8) -> NTSTATUS {
    let mut packets = packets();
    let packet = packets.get_mut(&(packet as usize)).unwrap();
    packet.cancelled += 1;
    let Some(wait) = &packet.wait else { return STATUS_CANCELLED };
    wait.end();
    // Relaxed: whoever rang has ended.
    if wait.bell.has_rung.load(Ordering::Relaxed) {
        return STATUS_PENDING;
    }
    packet.wait = None;
    STATUS_SUCCESS
}

/// A system that can't cancel just now, so that the packet comes late.
unsafe extern "system" fn cancel_later(_: HANDLE, _: u8) -> NTSTATUS {
    STATUS_PENDING
}

unsafe extern "system" fn fail_to_create(_: *mut HANDLE, _: u32, _: *const OBJECT_ATTRIBUTES) -> NTSTATUS {
    STATUS_INVALID_PARAMETER
}

unsafe extern "system" fn fail_to_associate(
    _: HANDLE,
    _: HANDLE,
    _: HANDLE,
    _: *const c_void,
    _: *const c_void,
    _: NTSTATUS,
    _: usize,
    _: *mut u8,
) -> NTSTATUS {
    STATUS_INVALID_PARAMETER
}

/// Says that it is too late, and sends nothing.
unsafe extern "system" fn associate_too_late(
    _: HANDLE,
    _: HANDLE,
    _: HANDLE,
    _: *const c_void,
    _: *const c_void,
    _: NTSTATUS,
    _: usize,
    has_fired: *mut u8,
) -> NTSTATUS {
    // SAFETY: the caller has room for it.
    unsafe { has_fired.write(1) };
    STATUS_SUCCESS
}

unsafe extern "system" fn fail_to_cancel(packet: HANDLE, _: u8) -> NTSTATUS {
    // It must not outlive the timer and the port all the same.
    packets().get_mut(&(packet as usize)).unwrap().wait = None;
    STATUS_INVALID_PARAMETER
}

const LONG: Option<Duration> = Some(Duration::from_millis(40));
const SHORT: Option<Duration> = Some(Duration::from_millis(5));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn port() -> CompletionPort {
    CompletionPort::new(1).unwrap()
}

fn post(port: &CompletionPort, number: u32) {
    port.post(CompletionStatus::new(number, 0, ptr::null_mut())).unwrap();
}

/// Waits with room for so many packets; the numbers of those that came.
fn wait(timer: &mut Timer, port: &CompletionPort, room: usize, timeout: Option<Duration>) -> Vec<u32> {
    let mut list = [CompletionStatus::zero(); 4];
    let packets = timer.get_many(port, &mut list[..room], timeout, true).unwrap();
    packets.iter().map(CompletionStatus::bytes_transferred).collect()
}

/// How often the alarm was set and cleared.
fn counts(timer: &Timer) -> (u32, u32) {
    let State::Used(alarm) = &timer.0 else { panic!("no alarm") };
    let packets = packets();
    let packet = &packets[&(alarm.packet.as_raw_handle() as usize)];
    (packet.associated, packet.cancelled)
}

/// Waits until the packet of the alarm is in the port.
fn until_it_rings(timer: &Timer) {
    let State::Used(alarm) = &timer.0 else { panic!("no alarm") };
    // Acquire: see `ring`.
    while !packets()[&(alarm.packet.as_raw_handle() as usize)]
        .wait
        .as_ref()
        .unwrap()
        .bell
        .has_rung
        .load(Ordering::Acquire)
    {
        thread::yield_now();
    }
}

#[test]
fn functions_that_are_there_are_found_and_others_are_not() {
    assert!(look_up(w!("ntdll.dll"), s!("NtClose")).is_some());
    assert!(look_up(w!("ntdll.dll"), s!("NtNoSuchFunction")).is_none());
    assert!(Functions::of(w!("no such module")).is_none());
    // It has none of the three.
    assert!(Functions::of(w!("kernel32.dll")).is_none());
}

#[test]
fn a_wait_ends_by_the_alarm() {
    // A thread that others hold up may find the net first, but not every time.
    assert!((0..50).any(|_| {
        let (mut timer, port) = (Timer::with(Some(FAKES)), port());
        assert!(wait(&mut timer, &port, 4, SHORT).is_empty());
        counts(&timer) == (1, 0)
    }));
}

#[test]
fn what_comes_before_clears_the_alarm() {
    // Likewise it may ring before it is cleared.
    assert!((0..50).any(|_| {
        let (mut timer, port) = (Timer::with(Some(FAKES)), port());
        post(&port, 7);
        assert_eq!(wait(&mut timer, &port, 4, LONG), [7]);
        let State::Used(alarm) = &timer.0 else { panic!("no alarm") };
        let is_cleared = !alarm.is_set && counts(&timer) == (1, 1);
        // Nothing else does come, and the alarm can be set again.
        assert!(wait(&mut timer, &port, 4, SHORT).is_empty());
        is_cleared
    }));
}

#[test]
fn a_timer_that_has_fired_already_is_not_waited_for() {
    let (mut timer, port) = (Timer::with(Some(Functions { associate: associate_too_late, ..FAKES })), port());
    assert_eq!(timer.set(&port, LONG.unwrap()), Duration::ZERO);
    // What was set is cleared, and may be set again.
    assert!(wait(&mut timer, &port, 4, SHORT).is_empty());
    assert!(matches!(&timer.0, State::Used(alarm) if !alarm.is_set));
}

#[test]
fn a_wait_that_is_long_or_none_sets_no_alarm() {
    let (mut timer, port) = (Timer::with(Some(FAKES)), port());
    let long = Some(Duration::from_secs(60));
    for timeout in [NOW, long, Some(Duration::MAX), None] {
        post(&port, 1);
        assert_eq!(wait(&mut timer, &port, 1, timeout), [1]);
    }
    let mut list = [CompletionStatus::zero(); 1];
    assert!(timer.get_many(&port, &mut list, SHORT, false).unwrap().is_empty());
    assert!(matches!(timer.0, State::Unused(_)));
}

#[test]
fn a_packet_of_the_alarm_that_is_late_takes_nobodys_place() {
    let (mut timer, port) = (Timer::with(Some(Functions { cancel: cancel_later, ..FAKES })), port());
    post(&port, 1);
    assert_eq!(wait(&mut timer, &port, 1, SHORT), [1]);
    until_it_rings(&timer);
    post(&port, 2);
    post(&port, 3);
    // The alarm is not set as long as its packet may come.
    assert_eq!(wait(&mut timer, &port, 1, SHORT), [2]);
    assert_eq!(counts(&timer).0, 1);
    assert_eq!(wait(&mut timer, &port, 1, NOW), [3]);
    // Now it is again.
    assert!(wait(&mut timer, &port, 4, SHORT).is_empty());
    assert_eq!(counts(&timer).0, 2);
    // The port must not be closed before.
    until_it_rings(&timer);
}

#[test]
fn the_others_keep_their_order() {
    let (mut timer, port) = (Timer::with(None), port());
    for (number, key) in [(1, 0), (2, TIMER_KEY), (3, 0), (4, 0)] {
        port.post(CompletionStatus::new(number, key, ptr::null_mut())).unwrap();
    }
    assert_eq!(wait(&mut timer, &port, 4, NOW), [1, 3, 4]);
}

#[test]
fn a_call_that_fails_leaves_waits_to_the_clock() {
    for functions in [
        Functions { create: fail_to_create, ..FAKES },
        Functions { associate: fail_to_associate, ..FAKES },
        Functions { cancel: fail_to_cancel, ..FAKES },
    ] {
        let (mut timer, port) = (Timer::with(Some(functions)), port());
        post(&port, 1);
        assert_eq!(wait(&mut timer, &port, 4, LONG), [1]);
        assert!(matches!(timer.0, State::Off));
        assert!(wait(&mut timer, &port, 4, SHORT).is_empty());
        post(&port, 2);
        assert_eq!(wait(&mut timer, &port, 4, SHORT), [2]);
    }
}

/// The system's functions where it has them, none, and the fakes.
fn timers() -> [Timer; 3] {
    [Timer::new(), Timer::with(None), Timer::with(Some(FAKES))]
}

#[test]
fn p12_waits_are_never_early_with_and_without_an_alarm() {
    let micros = [300, 1_000, 15_000, 50_000, 70_000].map(Duration::from_micros);
    for timer in timers() {
        let mut selector = Selector::new().unwrap();
        selector.timer = timer;
        let mut events = Vec::with_capacity(1);
        for timeout in micros.into_iter().chain([Duration::from_nanos(1)]) {
            for _ in 0..3 {
                let start = Instant::now();
                selector.wait(&mut events, Some(timeout)).unwrap();
                let took = start.elapsed();
                assert!(events.is_empty() && took >= timeout, "{timeout:?} took {took:?}");
            }
        }
    }
}

#[test]
fn p12_the_longest_wait_is_ended_by_a_waker() {
    for timer in timers() {
        let mut selector = Selector::new().unwrap();
        selector.timer = timer;
        let waker = selector.waker(Token(5)).unwrap();
        let mut events = Vec::with_capacity(1);
        thread::scope(|scope| {
            scope.spawn(|| Selector::wake(&waker).unwrap());
            selector.wait(&mut events, Some(Duration::MAX)).unwrap();
        });
        assert!(matches!(&events[..], [event] if event.token() == Token(5)), "{events:?}");
    }
}
