//! What has gone wrong with kqueue elsewhere, and must not here: over the model, as everything on Linux.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};

use super::event::Record;
use super::types::{self, EVFILT_READ, EVFILT_USER, EVFILT_WRITE};
use super::Selector;
use crate::sys::scenarios::{now, pair, tokens, within, BOTH, READ, WRITE};
use crate::sys::unix::pipe;
use crate::sys::{Readiness, SelectDescriptor, Selector as _};
use crate::Token;

/// A change behind the selector's back.
fn change(selector: &Selector, change: Record) {
    let mut receipt = [change];
    selector.shared.queue.apply(&[change], &mut receipt).unwrap();
    assert!(receipt[0].error().is_none());
}

/// Makes the kernel refuse a filter for a descriptor.
fn refuse(selector: &Selector, fd: RawFd, filter: types::Filter, error: i32) {
    let key = (usize::try_from(fd).unwrap(), filter);
    selector.shared.queue.notes().unwrap().faults.refused.insert(key, error);
}

fn accept_all(selector: &Selector) {
    selector.shared.queue.notes().unwrap().faults.refused.clear();
}

/// Makes the kernel one from before user events.
fn without_user_events(selector: &Selector) {
    selector.shared.queue.notes().unwrap().faults.no_user_events = true;
}

/// Makes signals interrupt the next calls that change something, after the changes.
fn interrupt(selector: &Selector, calls: usize) {
    selector.shared.queue.notes().unwrap().faults.interrupted = calls;
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn scenario_57_two_wakes_are_one_event_and_then_nothing() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    Selector::wake(&waker).unwrap();
    Selector::wake(&waker).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [1]);
    let (start, timeout) = (Instant::now(), Duration::from_millis(20));
    assert_eq!(tokens(&within(&mut selector, timeout)), []);
    assert!(start.elapsed() >= timeout);
}

extern "C" fn ignore(_: libc::c_int) {}

#[test]
fn scenario_58_a_wake_is_seen_though_a_signal_interrupts() {
    use nix::sys::pthread::{pthread_kill, pthread_self, Pthread};
    use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};

    struct Name(Pthread);
    // SAFETY: it names a thread, for any thread; only musl's looks like a pointer.
    unsafe impl Send for Name {}

    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, so whatever it interrupts is undisturbed.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();

    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    let (seen, all_seen) = std::sync::mpsc::channel();
    let (told, tells) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            told.send(Name(pthread_self())).unwrap();
            let mut events = Vec::with_capacity(4);
            for _ in 0..200 {
                while events.is_empty() {
                    match selector.wait(&mut events, Some(Duration::from_secs(10))) {
                        Ok(()) => assert_eq!(tokens(&events), [1], "the wake was lost"),
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
                    }
                }
                events.clear();
                seen.send(()).unwrap();
            }
        });
        let Name(waiting) = tells.recv().unwrap();
        for round in 0..200 {
            // Before the wake, after it, or both: at whatever point the other thread is.
            if round % 3 != 0 {
                pthread_kill(waiting, Signal::SIGUSR1).unwrap();
            }
            Selector::wake(&waker).unwrap();
            if round % 3 != 1 {
                // It may have seen the last wake, and be gone.
                let _ = (round < 199).then(|| pthread_kill(waiting, Signal::SIGUSR1));
            }
            all_seen.recv().unwrap();
        }
    });
}

#[test]
fn scenario_58_what_is_interrupted_is_done_all_the_same() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let waker = selector.waker(Token(9)).unwrap();
    interrupt(&selector, 3);
    Selector::wake(&waker).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [9]);
    selector.register_fd(here.as_raw_fd(), Token(1), BOTH).unwrap();
    interrupt(&selector, 2);
    selector.reregister_fd(here.as_raw_fd(), Token(2), READ).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [2]);
    interrupt(&selector, 1);
    selector.deregister_fd(here.as_raw_fd()).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), []);
}

#[test]
fn scenario_59_the_first_wake_is_seen_where_adding_does_not_trigger() {
    let mut selector = Selector::new().unwrap();
    let flags = types::EV_ADD | types::EV_ONESHOT;
    // What macOS does and FreeBSD does not, nor does the model.
    let at_once = Record::change(7, EVFILT_USER, flags, Token(1)).with(types::NOTE_TRIGGER);
    change(&selector, at_once);
    assert_eq!(tokens(&now(&mut selector)), []);

    let waker = selector.waker(Token(2)).unwrap();
    assert_eq!(tokens(&now(&mut selector)), []);
    Selector::wake(&waker).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [2]);
}

#[test]
fn scenario_60_one_filter_that_is_not_there_does_not_keep_the_other() {
    let mut selector = Selector::new().unwrap();
    for gone in [EVFILT_READ, EVFILT_WRITE] {
        let (here, mut there) = pair();
        let fd = here.as_raw_fd();
        selector.register_fd(fd, Token(1), BOTH).unwrap();
        change(&selector, Record::change(usize::try_from(fd).unwrap(), gone, types::EV_DELETE, Token(0)));
        selector.deregister_fd(fd).unwrap();
        there.write_all(b"x").unwrap();
        assert_eq!(tokens(&now(&mut selector)), []);
        assert_eq!(kind(selector.deregister_fd(fd)), io::ErrorKind::NotFound);
    }
}

#[test]
fn scenario_61_an_error_of_one_change_is_told_and_undoes_the_others() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let fd = here.as_raw_fd();
    refuse(&selector, fd, EVFILT_WRITE, libc::ENOMEM);
    let error = selector.register_fd(fd, Token(1), BOTH).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), []);
    assert_eq!(kind(selector.deregister_fd(fd)), io::ErrorKind::NotFound);

    selector.register_fd(fd, Token(2), READ).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [2]);
    for wanted in [WRITE, BOTH] {
        selector.reregister_fd(fd, Token(3), wanted).unwrap_err();
        there.write_all(b"x").unwrap();
        assert_eq!(tokens(&now(&mut selector)), [2], "the registration is as it was");
    }
    accept_all(&selector);
    selector.reregister_fd(fd, Token(4), WRITE).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [4]);
}

/// The writing end of a pipe whose reader is gone.
fn broken_pipe() -> File {
    pipe::new().unwrap().1
}

#[test]
fn scenario_62_a_pipe_without_reader_is_registered_and_says_so() {
    let mut selector = Selector::new().unwrap();
    let writer = broken_pipe();
    let mut registration = selector.register(writer.as_raw_fd(), Token(1), BOTH).unwrap();
    let said = |events: &[Record], token: usize| {
        let [event] = events else { panic!("{events:?}") };
        assert!(event.token() == Token(token) && event.is_writable() && event.is_write_closed(), "{event:?}");
        assert!(!event.is_readable() && !event.is_read_closed(), "{event:?}");
    };
    said(&now(&mut selector), 1);
    assert_eq!(tokens(&now(&mut selector)), []);
    assert_eq!(kind(selector.register_fd(writer.as_raw_fd(), Token(2), WRITE)), io::ErrorKind::AlreadyExists);
    selector.reregister(&mut registration, writer.as_raw_fd(), Token(3), WRITE).unwrap();
    said(&now(&mut selector), 3);

    selector.reregister(&mut registration, writer.as_raw_fd(), Token(4), WRITE).unwrap();
    selector.deregister(&registration, writer.as_raw_fd()).unwrap();
    assert_eq!(tokens(&now(&mut selector)), []);
    assert_eq!(kind(selector.deregister(&registration, writer.as_raw_fd())), io::ErrorKind::NotFound);
}

#[test]
fn scenario_62_what_stands_in_for_a_filter_ends_with_it() {
    let mut selector = Selector::new().unwrap();
    let writer = broken_pipe();
    let mut registration = selector.register(writer.as_raw_fd(), Token(1), WRITE).unwrap();
    drop(registration);
    assert_eq!(tokens(&now(&mut selector)), [], "of a source that was dropped");

    // The number is one of another file now, without a word to the selector.
    let (reader, other) = pipe::new().unwrap();
    let mut writer = std::os::fd::OwnedFd::from(writer);
    rustix::io::dup2(&other, &mut writer).unwrap();
    registration = selector.register(writer.as_raw_fd(), Token(2), WRITE).unwrap();
    let events = now(&mut selector);
    assert!(tokens(&events) == [2] && !events[0].is_write_closed(), "{events:?}");
    drop((registration, reader));
    assert!(now(&mut selector).iter().any(Record::is_write_closed), "its reader left, too");
}

#[test]
fn scenario_60_a_filter_that_went_with_its_reader_was_registered() {
    let mut selector = Selector::new().unwrap();
    for owned in [true, false] {
        let (reader, writer) = pipe::new().unwrap();
        let fd = writer.as_raw_fd();
        let mut registration = selector.register(fd, Token(1), WRITE).unwrap();
        drop(reader);
        assert!(now(&mut selector).iter().any(Record::is_write_closed));
        assert_eq!(kind(selector.register_fd(fd, Token(2), WRITE)), io::ErrorKind::AlreadyExists);
        if owned {
            selector.deregister(&registration, fd).unwrap();
        } else {
            selector.deregister_fd(fd).unwrap();
        }
        assert_eq!(kind(selector.deregister_fd(fd)), io::ErrorKind::NotFound);
        // And once more, to change it.
        registration = selector.register(fd, Token(3), WRITE).unwrap();
        assert_eq!(tokens(&now(&mut selector)), [3]);
        selector.reregister_fd(fd, Token(4), WRITE).unwrap();
        assert_eq!(tokens(&now(&mut selector)), [4]);
        selector.deregister(&registration, fd).unwrap();
    }
}

#[test]
fn scenario_62_a_kernel_without_user_events_tells_its_own_error() {
    let selector = Selector::new().unwrap();
    without_user_events(&selector);
    let writer = broken_pipe();
    let error = selector.register_fd(writer.as_raw_fd(), Token(1), WRITE).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    assert_eq!(kind(selector.deregister_fd(writer.as_raw_fd())), io::ErrorKind::NotFound);
}

#[test]
fn scenario_62_netbsd_has_another_number_for_it() {
    let mut selector = Selector::new().unwrap();
    let (_reader, writer) = pipe::new().unwrap();
    refuse(&selector, writer.as_raw_fd(), EVFILT_WRITE, libc::EBADF);
    selector.register_fd(writer.as_raw_fd(), Token(1), WRITE).unwrap();
    assert!(now(&mut selector).iter().any(Record::is_write_closed));
}

#[test]
fn scenario_63_a_local_shutdown_closes_writing_alone() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let _registration = selector.register(here.as_raw_fd(), Token(1), BOTH).unwrap();
    now(&mut selector);
    here.shutdown(Shutdown::Write).unwrap();
    let events = now(&mut selector);
    assert!(events.iter().any(Record::is_write_closed), "{events:?}");
    assert!(!events.iter().any(Record::is_read_closed), "{events:?}");
    there.write_all(b"still").unwrap();
    let events = now(&mut selector);
    assert!(events.iter().any(Record::is_readable) && !events.iter().any(Record::is_read_closed), "{events:?}");
    assert_eq!((&here).read(&mut [0; 8]).unwrap(), 5);
}

#[test]
fn scenario_64_what_was_closed_at_once_is_never_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut selector = Selector::new().unwrap();
    let mut clients = Vec::new();
    for round in 0..8 {
        clients.push(UnixStream::connect(&path).unwrap());
        let (accepted, _) = listener.accept().unwrap();
        clients[round].write_all(b"x").unwrap();
        selector.register_fd(accepted.as_raw_fd(), Token(100 + round), BOTH).unwrap();
        // Its number may be that of the next.
        drop(accepted);
        clients.push(UnixStream::connect(&path).unwrap());
        clients.swap_remove(round);
        let (next, _) = listener.accept().unwrap();
        selector.register_fd(next.as_raw_fd(), Token(round), WRITE).unwrap();
        assert_eq!(tokens(&now(&mut selector)), [round]);
    }
}

#[test]
fn scenario_64_a_number_that_another_file_has_is_not_the_old_registration() {
    let mut selector = Selector::new().unwrap();
    let ((here, there), (other, mut far)) = (pair(), pair());
    selector.register_fd(here.as_raw_fd(), Token(1), BOTH).unwrap();
    let mut number = std::os::fd::OwnedFd::from(here);
    rustix::io::dup2(&other, &mut number).unwrap();
    assert_eq!(kind(selector.reregister_fd(number.as_raw_fd(), Token(2), READ)), io::ErrorKind::NotFound);
    selector.register_fd(number.as_raw_fd(), Token(3), READ).unwrap();
    far.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [3]);
    drop(there);
    assert_eq!(tokens(&now(&mut selector)), []);
    drop(number);
    assert_eq!(kind(selector.deregister_fd(other.as_raw_fd())), io::ErrorKind::NotFound);
}

#[test]
fn scenario_65_a_change_takes_effect_at_once() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    there.write_all(b"x").unwrap();
    let mut registration = selector.register(here.as_raw_fd(), Token(0), READ).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [0]);
    for (round, interest) in [WRITE, READ, BOTH, READ, WRITE, BOTH].into_iter().enumerate() {
        selector.reregister(&mut registration, here.as_raw_fd(), Token(round), interest).unwrap();
        let events = now(&mut selector);
        assert!(events.iter().all(|event| event.token() == Token(round)), "{events:?}");
        assert_eq!(events.iter().any(Record::is_readable), interest.is_readable(), "{events:?}");
        assert_eq!(events.iter().any(Record::is_writable), interest.is_writable(), "{events:?}");
        assert_eq!(tokens(&now(&mut selector)), []);
    }
}

#[test]
fn scenario_67_a_terminal_that_cannot_be_watched_is_explained() {
    let mut selector = Selector::new().unwrap();
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    // What macOS says of /dev/tty; Linux would not.
    for filter in [EVFILT_READ, EVFILT_WRITE] {
        refuse(&selector, terminal.as_raw_fd(), filter, libc::EINVAL);
        let error = selector.register_fd(terminal.as_raw_fd(), Token(1), BOTH).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("ttyname"), "{error}");
        accept_all(&selector);
    }
    // By its own name it can.
    selector.register_fd(terminal.as_raw_fd(), Token(1), READ).unwrap();
    File::from(controller).write_all(b"line\n").unwrap();
    assert!(now(&mut selector).iter().any(Record::is_readable));
}

#[test]
fn scenario_67_a_file_cannot_be_watched_for_writing() {
    let selector = Selector::new().unwrap();
    let file = tempfile::tempfile().unwrap();
    let error = selector.register_fd(file.as_raw_fd(), Token(1), BOTH).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(kind(selector.deregister_fd(file.as_raw_fd())), io::ErrorKind::NotFound);
}

/// Whether each poll that follows a wake returns, though nobody takes the wake out of anything.
fn every_wake_is_seen(mut selector: Selector) {
    let waker = selector.waker(Token(1)).unwrap();
    thread::scope(|scope| {
        let (wakes, woken) = std::sync::mpsc::channel::<()>();
        let waker = &waker;
        scope.spawn(move || {
            for () in woken {
                Selector::wake(waker).unwrap();
            }
        });
        for _ in 0..70_000 {
            wakes.send(()).unwrap();
            assert_eq!(tokens(&within(&mut selector, Duration::from_secs(10))), [1]);
        }
        drop(wakes);
    });
    drop(waker);
    assert_eq!(tokens(&now(&mut selector)), []);
}

#[test]
fn scenario_68_every_wake_by_a_user_event_is_seen() {
    every_wake_is_seen(Selector::new().unwrap());
}

#[test]
fn scenario_68_every_wake_by_a_notifier_is_seen() {
    let selector = Selector::new().unwrap();
    without_user_events(&selector);
    every_wake_is_seen(selector);
}

#[test]
fn p21_a_child_has_no_queue_and_its_parent_keeps_everything() {
    use nix::sys::wait::{waitpid, WaitStatus};
    use nix::unistd::{fork, ForkResult};

    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    let (here, mut there) = pair();
    let registration = selector.register(here.as_raw_fd(), Token(2), READ).unwrap();
    // SAFETY: the child calls nothing but the selector, which takes no lock that another thread of this process knows.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // Its copy of the state is that of a thread which is awake: the wake asks nothing of the queue.
            let refused =
                Selector::wake(&waker).is_ok() && selector.deregister(&registration, here.as_raw_fd()).is_err();
            drop((waker, registration, selector));
            // SAFETY: ends the child, without running what is the parent's to run.
            unsafe { libc::_exit(i32::from(!refused)) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
    }
    Selector::wake(&waker).unwrap();
    there.write_all(b"x").unwrap();
    let mut seen = tokens(&now(&mut selector));
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
}
