//! Waits at a completion port that end on time.
//!
//! A wait at a port ends with a tick of the system's clock, of which there are 64 a second. A timer of high resolution
//! (Windows 10, version 1803) does not, and a *wait completion packet* (Windows 8) ties it to a port: when it fires, a
//! packet comes, and the wait ends by that. [`Timer`] sets such an alarm for waits that are short, and for the last part
//! of long ones ([`Nap`]).
//!
//! It relies on three functions of `ntdll.dll`, which Microsoft documents and gives no import library for, so that they
//! are looked up. The port's own timeout stays below the alarm as a net: when the alarm never comes the wait ends all
//! the same, later. Where the functions or the timer are not to be had, or one of the calls fails, waits end with the
//! clock from then on. Nothing is lent to the kernel: the packet has no address.
//!
//! It promises that nobody else sees the alarm's packet, and that a wait does not come back with nothing because that
//! packet had the place of another. When a wait ends exactly is for the caller to see to: it may still be too early.
//!
//! Never run with the real functions: Wine 8 and 10 have none. The tests put others in their place.

use std::ffi::c_void;
use std::io;
use std::mem;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::core::{s, w, PCSTR, PCWSTR};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Win32::Foundation::{GENERIC_ALL, HANDLE, NTSTATUS, STATUS_CANCELLED, STATUS_PENDING, STATUS_SUCCESS};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Threading::{
    CreateWaitableTimerExW, SetWaitableTimer, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS,
};

use super::device::error_of;
use super::iocp::{CompletionPort, CompletionStatus};
use super::{syscall, TIMER_KEY};
use crate::sys::timeout::Nap;

/// [`NtCreateWaitCompletionPacket`](https://learn.microsoft.com/windows/win32/devnotes/ntcreatewaitcompletionpacket):
/// the handle that is made, access, attributes.
type Create = unsafe extern "system" fn(*mut HANDLE, u32, *const OBJECT_ATTRIBUTES) -> NTSTATUS;
/// [`NtAssociateWaitCompletionPacket`](https://learn.microsoft.com/windows/win32/devnotes/ntassociatewaitcompletionpacket):
/// packet, port, what is waited for; then what the packet says, which is key, address, status and count; and where to
/// put whether it was signalled already.
type Associate = unsafe extern "system" fn(
    HANDLE,
    HANDLE,
    HANDLE,
    *const c_void,
    *const c_void,
    NTSTATUS,
    usize,
    *mut u8,
) -> NTSTATUS;
/// [`NtCancelWaitCompletionPacket`](https://learn.microsoft.com/windows/win32/devnotes/ntcancelwaitcompletionpacket):
/// packet, and whether to take it out of the port's queue.
type Cancel = unsafe extern "system" fn(HANDLE, u8) -> NTSTATUS;

/// The functions of wait completion packets.
#[derive(Clone, Copy)]
struct Functions {
    create: Create,
    associate: Associate,
    cancel: Cancel,
}

impl Functions {
    /// Those of the system, if it has all. It is asked once.
    fn of_the_system() -> Option<Functions> {
        static FOUND: OnceLock<Option<Functions>> = OnceLock::new();
        *FOUND.get_or_init(|| Functions::of(w!("ntdll.dll")))
    }

    fn of(module: PCWSTR) -> Option<Functions> {
        let create = look_up(module, s!("NtCreateWaitCompletionPacket"))?;
        let associate = look_up(module, s!("NtAssociateWaitCompletionPacket"))?;
        let cancel = look_up(module, s!("NtCancelWaitCompletionPacket"))?;
        Some(Functions {
            // SAFETY: the function of this name has this type, by its documentation.
            create: unsafe { mem::transmute::<Unknown, Create>(create) },
            // SAFETY: as above.
            associate: unsafe { mem::transmute::<Unknown, Associate>(associate) },
            // SAFETY: as above.
            cancel: unsafe { mem::transmute::<Unknown, Cancel>(cancel) },
        })
    }
}

/// A function of which nothing is known but its address.
type Unknown = unsafe extern "system" fn() -> isize;

/// The function `name` of a module that is loaded for good, as `ntdll.dll` is.
fn look_up(module: PCWSTR, name: PCSTR) -> Option<Unknown> {
    // SAFETY: the name is a constant of this module, which ends with a zero.
    let module = unsafe { GetModuleHandleW(module) };
    if module.is_null() {
        return None;
    }
    // SAFETY: the module is loaded; the name is a constant that ends with a zero.
    unsafe { GetProcAddress(module, name) }
}

/// What ends the waits of one thread on time.
pub(super) struct Timer(State);

enum State {
    /// Nobody has waited for a time yet.
    Unused(Functions),
    Used(Alarm),
    /// Waits end with the clock.
    Off,
}

impl Timer {
    pub(super) fn new() -> Timer {
        Timer::with(Functions::of_the_system())
    }

    fn with(functions: Option<Functions>) -> Timer {
        Timer(functions.map_or(State::Off, State::Unused))
    }

    /// As [`CompletionPort::get_many`]; with `on_time` a wait for which nothing came ends close to `timeout`, or before:
    /// the caller waits for the rest, if there is any.
    pub(super) fn get_many<'a>(
        &mut self,
        port: &CompletionPort,
        list: &'a mut [CompletionStatus],
        timeout: Option<Duration>,
        on_time: bool,
    ) -> io::Result<&'a mut [CompletionStatus]> {
        let mut timeout = match timeout {
            Some(timeout) if on_time => Some(self.set(port, timeout)),
            timeout => timeout,
        };
        loop {
            let packets = port.get_many(list, timeout)?;
            let (count, others) = (packets.len(), others_first(packets));
            if others == count {
                self.clear();
            } else {
                self.rang();
            }
            if others > 0 || count < list.len() {
                return Ok(&mut list[..others]);
            }
            // The alarm had the only place.
            timeout = Some(Duration::ZERO);
        }
    }

    /// Sets the alarm for a wait of `timeout`, if there is one and the wait is short; how long to wait at the port.
    fn set(&mut self, port: &CompletionPort, timeout: Duration) -> Duration {
        let nap = Nap::of(timeout);
        if let (State::Unused(functions), Some(_)) = (&self.0, nap.timer) {
            // Systems before Windows 10, version 1803, refuse it: nothing to tell of.
            self.0 = Alarm::new(*functions).map_or(State::Off, State::Used);
        }
        let set = match (&mut self.0, nap.timer) {
            (State::Off, _) => Ok(Set::Not),
            (State::Used(alarm), Some(due)) => alarm.set(port, due),
            (_, _) => Ok(Set::Running),
        };
        match set {
            Ok(Set::Running) => nap.clock,
            Ok(Set::Fired) => Duration::ZERO,
            Ok(Set::Not) => timeout,
            Err(error) => {
                self.give_up(&error);
                timeout
            }
        }
    }

    /// The wait is over without the alarm.
    fn clear(&mut self) {
        if let State::Used(alarm) = &mut self.0 {
            if let Err(error) = alarm.clear() {
                self.give_up(&error);
            }
        }
    }

    /// The alarm's packet was taken.
    fn rang(&mut self) {
        if let State::Used(alarm) = &mut self.0 {
            alarm.is_set = false;
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        crate::diagnostics::warning!("timeouts are as coarse as the system's clock, since its timer fails: {error}");
        self.0 = State::Off;
    }
}

/// Moves the packets that are not an alarm's to the front, in their order; how many they are.
fn others_first(packets: &mut [CompletionStatus]) -> usize {
    let mut others = 0;
    for at in 0..packets.len() {
        if packets[at].token() != TIMER_KEY {
            packets[others] = packets[at];
            others += 1;
        }
    }
    others
}

/// What became of setting an alarm.
enum Set {
    /// The packet of the one before may still come.
    Not,
    Running,
    /// The time was over before all was set. Whether a packet comes then is not documented, so it is not waited for.
    Fired,
}

/// A timer, and the packet that it sends when it fires.
struct Alarm {
    functions: Functions,
    timer: OwnedHandle,
    packet: OwnedHandle,
    /// Whether the packet may be on its way.
    is_set: bool,
}

impl Alarm {
    fn new(functions: Functions) -> io::Result<Alarm> {
        // SAFETY: nobody inherits it and it has no name; the rest is plain values.
        let timer = unsafe {
            CreateWaitableTimerExW(ptr::null(), ptr::null(), CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS)
        };
        let timer = syscall!(timer, PartialEq::eq, ptr::null_mut())?;
        // SAFETY: the handle is new, valid and nobody else's.
        let timer = unsafe { OwnedHandle::from_raw_handle(timer) };
        let mut packet = ptr::null_mut();
        // SAFETY: the handle that is written lives for the call; there are no attributes.
        check(unsafe { (functions.create)(&mut packet, GENERIC_ALL, ptr::null()) })?;
        // SAFETY: as above.
        let packet = unsafe { OwnedHandle::from_raw_handle(packet) };
        Ok(Alarm { functions, timer, packet, is_set: false })
    }

    /// Has a packet come to `port` when it is time.
    fn set(&mut self, port: &CompletionPort, due: i64) -> io::Result<Set> {
        self.clear()?;
        if self.is_set {
            return Ok(Set::Not);
        }
        // SAFETY: the time lives for the call; there is no function to be called.
        let set = unsafe { SetWaitableTimer(self.timer.as_raw_handle(), &due, 0, None, ptr::null(), 0) };
        syscall!(set, PartialEq::eq, 0)?;
        let mut has_fired = 0;
        // SAFETY: the handles are open; key and address are numbers; what is written lives for the call.
        check(unsafe {
            (self.functions.associate)(
                self.packet.as_raw_handle(),
                port.as_raw_handle(),
                self.timer.as_raw_handle(),
                TIMER_KEY as *const c_void,
                ptr::null(),
                STATUS_SUCCESS,
                0,
                &mut has_fired,
            )
        })?;
        self.is_set = true;
        Ok(if has_fired == 0 { Set::Running } else { Set::Fired })
    }

    /// Keeps the packet from coming, if it may; also out of the queue. When the system can't do that just now the alarm
    /// stays set.
    fn clear(&mut self) -> io::Result<()> {
        if !self.is_set {
            return Ok(());
        }
        // SAFETY: the handle is open.
        match unsafe { (self.functions.cancel)(self.packet.as_raw_handle(), 1) } {
            STATUS_PENDING => {}
            // Somebody has taken the packet: another thread that waits at the port.
            STATUS_CANCELLED => self.is_set = false,
            status => {
                check(status)?;
                self.is_set = false;
            }
        }
        Ok(())
    }
}

fn check(status: NTSTATUS) -> io::Result<()> {
    if status < 0 {
        return Err(error_of(status));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
