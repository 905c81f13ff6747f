//! Single stories: what a message costs to the call, and what becomes of memory when the system fails.

use std::io::ErrorKind;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::kernel::{Counts, Faults, Machine};
use super::named_pipe;
use crate::sys::windows::event::Conditions;
use crate::sys::windows::iocp::CompletionStatus;
use crate::sys::windows::registration::Registration;
use crate::sys::windows::selector::Selector;
use crate::sys::windows::AFD_KEY;
use crate::sys::{RawSource, Readiness, Selector as _};
use crate::{Interest, Token};

const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);
const SOCKET: RawSource = 10;
const ENOUGH: Option<Duration> = Some(Duration::from_secs(1));

/// Runs a story where the shell's locks work.
fn story(tell: impl Fn(&Arc<Machine>) + Send + Sync + 'static) {
    let once = move || {
        let machine = Machine::boot();
        machine.open(SOCKET);
        tell(&machine);
        machine.check_end();
    };
    shuttle::check_random(once, 100);
}

fn registered(selector: &Selector) -> Registration {
    selector.register(SOCKET, Token(1), BOTH).unwrap()
}

/// So many sockets, of which the story has the first already.
fn open<const N: usize>(machine: &Machine) -> [RawSource; N] {
    let mut number = SOCKET..;
    let sockets = [(); N].map(|()| number.next().unwrap());
    sockets[1..].iter().for_each(|&socket| machine.open(socket));
    sockets
}

/// Registers each for reading, by its place as its token.
fn register_each(selector: &Selector, sockets: &[RawSource]) -> Vec<Registration> {
    let register = |(index, &socket)| selector.register(socket, Token(index), READ).unwrap();
    sockets.iter().enumerate().map(register).collect()
}

/// What an event says: readable, writable, error.
fn next(selector: &mut Selector) -> Option<[bool; 3]> {
    let mut events = Vec::with_capacity(4);
    selector.wait(&mut events, ENOUGH).unwrap();
    assert!(events.len() <= 1);
    events.first().map(|event| [event.is_readable(), event.is_writable(), event.is_error()])
}

#[test]
fn a_message_costs_one_poll_and_one_wait() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = registered(&selector);
        machine.happen(SOCKET, Conditions::SEND);
        assert_eq!(next(&mut selector), Some([false, true, false]));
        assert_eq!(machine.receive(SOCKET), 0);
        Selector::rearm(&registration, READ).unwrap();
        let before = machine.counts();
        for _ in 0..100 {
            machine.send(SOCKET);
            assert_eq!(next(&mut selector), Some([true, false, false]));
            assert_eq!((machine.receive(SOCKET), machine.receive(SOCKET)), (1, 0));
            Selector::rearm(&registration, READ).unwrap();
        }
        let Counts { polls, cancels, waits, devices, .. } = machine.counts();
        assert_eq!([polls - before.polls, cancels, waits - before.waits, devices], [100, 0, 100, 1]);
    });
}

#[test]
fn scenario_13_the_end_of_a_silent_peer_is_told_after_a_failure_too() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = selector.register(SOCKET, Token(1), Interest::WRITABLE).unwrap();
        machine.set_faults(|faults| faults.refused = 1);
        assert_eq!(next(&mut selector), Some([false, true, true]));
        Selector::rearm(&registration, READ).unwrap();
        machine.happen(SOCKET, Conditions::ABORT);
        assert_eq!(next(&mut selector), Some([false, true, true]));
    });
}

#[test]
fn scenario_13_the_end_of_a_silent_peer_is_told_to_a_thread_that_is_never_idle() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        machine.open(SOCKET + 1);
        let _silent = selector.register(SOCKET, Token(1), Interest::WRITABLE).unwrap();
        let busy = selector.register(SOCKET + 1, Token(2), READ).unwrap();
        machine.happen(SOCKET, Conditions::SEND);
        assert_eq!(next(&mut selector), Some([false, true, false]));
        assert_eq!(selector.put_off(), 1);
        machine.happen(SOCKET, Conditions::ABORT);
        let mut events = Vec::with_capacity(4);
        let mut is_told = false;
        for _ in 0..200 {
            machine.pass(Duration::from_millis(1));
            machine.send(SOCKET + 1);
            selector.wait(&mut events, ENOUGH).unwrap();
            assert!(events.iter().any(|event| event.token() == Token(2)), "{events:?}");
            is_told |= events.iter().any(|event| event.token() == Token(1) && event.is_error());
            assert_eq!((machine.receive(SOCKET + 1), machine.receive(SOCKET + 1)), (1, 0));
            Selector::rearm(&busy, READ).unwrap();
        }
        assert!(is_told);
    });
}

/// Its end is watched for by the poll of the next read that blocks, however late in a round that comes.
#[test]
fn who_is_told_of_messages_has_no_polls_for_its_end() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = selector.register(SOCKET, Token(1), READ).unwrap();
        let mut events = Vec::with_capacity(4);
        for _ in 0..200 {
            machine.send(SOCKET);
            assert_eq!(next(&mut selector), Some([true, false, false]));
            machine.pass(Duration::from_millis(1));
            selector.wait(&mut events, Some(Duration::ZERO)).unwrap();
            assert_eq!((machine.receive(SOCKET), machine.receive(SOCKET)), (1, 0));
            Selector::rearm(&registration, READ).unwrap();
        }
        let Counts { polls, cancels, .. } = machine.counts();
        assert_eq!([polls, cancels], [200, 0]);
    });
}

/// A helper handle of the kernel is for 32; registrations that end make room in the first ones.
#[test]
fn p01_more_sockets_than_a_helper_handle_has_are_all_told_of() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let sockets = open::<70>(machine);
        for _ in 0..2 {
            let registrations = register_each(&selector, &sockets);
            sockets.iter().for_each(|&socket| machine.send(socket));
            let mut events = Vec::with_capacity(sockets.len());
            selector.wait(&mut events, ENOUGH).unwrap();
            let mut told: Vec<_> = events.iter().map(|event| event.token().0).collect();
            told.sort_unstable();
            assert_eq!(told, (0..sockets.len()).collect::<Vec<_>>());
            sockets.iter().for_each(|&socket| assert_eq!(machine.receive(socket), 1));
            sockets.iter().zip(&registrations).for_each(|(&socket, it)| selector.deregister(it, socket).unwrap());
        }
        assert_eq!(machine.counts().devices, 3);
    });
}

#[test]
fn p14_sources_beyond_the_capacity_take_turns() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let sockets = open::<4>(machine);
        let registrations = register_each(&selector, &sockets);
        sockets.iter().for_each(|&socket| machine.send(socket));
        let mut told = [0; 4];
        for _ in 0..40 {
            let mut events = Vec::with_capacity(1);
            selector.wait(&mut events, None).unwrap();
            let Token(index) = events[0].token();
            told[index] += 1;
            assert_eq!((machine.receive(sockets[index]), machine.receive(sockets[index])), (1, 0));
            Selector::rearm(&registrations[index], READ).unwrap();
            machine.send(sockets[index]);
        }
        assert_eq!(told, [10; 4]);
    });
}

/// Those that are seen to later may be refused, too, and more of them than there is room for.
#[test]
fn p11_failures_beyond_the_capacity_come_with_the_next_wait() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let sockets = open::<3>(machine);
        let register = |socket| selector.register(socket, Token(1), Interest::WRITABLE).unwrap();
        let _registrations = sockets.map(register);
        sockets.iter().for_each(|&socket| machine.happen(socket, Conditions::SEND));
        for said in [[false, true, false], [false, true, true]] {
            let mut events = Vec::with_capacity(1);
            for _ in sockets {
                selector.wait(&mut events, ENOUGH).unwrap();
                assert_eq!((events.len(), events.capacity()), (1, 1));
                assert_eq!([events[0].is_readable(), events[0].is_writable(), events[0].is_error()], said);
            }
            machine.set_faults(|faults| faults.refused = usize::MAX);
        }
    });
}

/// So may those that were registered since the last wait.
#[test]
fn p11_new_sockets_that_are_refused_take_turns() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let sockets = open::<3>(machine);
        machine.set_faults(|faults| faults.refused = usize::MAX);
        let _registrations = register_each(&selector, &sockets);
        let mut events = Vec::with_capacity(1);
        let mut told = sockets.map(|_| {
            selector.wait(&mut events, ENOUGH).unwrap();
            assert!(events[0].is_error() && events.len() == 1);
            events[0].token().0
        });
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2]);
    });
}

#[test]
fn p19_a_registration_that_fails_leaks_nothing() {
    story(|machine| {
        let selector = Selector::new().unwrap();
        machine.set_faults(|faults| faults.no_devices = true);
        assert!(selector.register(SOCKET, Token(1), READ).is_err());
        assert!(selector.register(SOCKET + 1, Token(1), READ).is_err(), "no socket");
        assert_eq!(machine.held(), (0, 0));
        machine.set_faults(|faults| faults.no_devices = false);
        drop(registered(&selector));
    });
}

/// A thread that waits has the kernel asked at once, so that `register` sees it refuse.
#[test]
fn p19_a_registration_that_is_refused_at_once_gives_its_slot_back() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let other = selector.try_clone().unwrap();
        let waker = selector.waker(Token(9)).unwrap();
        machine.set_faults(|faults| faults.refused = usize::MAX);
        let waiter = shuttle::thread::spawn(move || {
            let mut events = Vec::with_capacity(1);
            while events.is_empty() {
                selector.wait(&mut events, ENOUGH).unwrap();
            }
        });
        // Those that are queued keep their slot until they end here, too.
        (0..100).for_each(|_| drop(other.register(SOCKET, Token(1), READ)));
        Selector::wake(&waker).unwrap();
        waiter.join().unwrap();
        assert_eq!(machine.counts().devices, 1);
    });
}

/// A thread that waits sleeps as long as it likes when nobody is put off.
#[test]
fn who_is_put_off_is_counted() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = registered(&selector);
        assert_eq!(selector.put_off(), 0);
        machine.happen(SOCKET, Conditions::SEND);
        assert_eq!(next(&mut selector), Some([false, true, false]));
        for _ in 0..2 {
            assert_eq!(selector.put_off(), 0, "reading is asked for");
            machine.send(SOCKET);
            assert_eq!(next(&mut selector), Some([true, false, false]));
            assert_eq!(selector.put_off(), 1);
            Selector::rearm(&registration, READ).unwrap();
        }
        drop(registration);
        assert_eq!(selector.put_off(), 0);
    });
}

/// A wait ends on time; but not the short one before it, after which ends are watched for that were put off.
#[test]
fn p12_a_wait_is_timed_and_what_is_put_off_is_not() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = selector.register(SOCKET, Token(1), READ).unwrap();
        assert_eq!(next(&mut selector), None);
        assert_eq!(machine.counts().waits, machine.counts().timed);
        machine.send(SOCKET);
        assert_eq!(next(&mut selector), Some([true, false, false]));
        assert_eq!((machine.receive(SOCKET), machine.receive(SOCKET)), (1, 0));
        Selector::rearm(&registration, READ).unwrap();
        assert_eq!(next(&mut selector), None);
        assert_eq!(machine.counts().waits, machine.counts().timed);
        machine.send(SOCKET);
        assert_eq!(next(&mut selector), Some([true, false, false]));
        assert_eq!(selector.put_off(), 1);
        assert_eq!(next(&mut selector), None);
        assert_eq!(machine.counts().waits, machine.counts().timed + 1);
    });
}

/// Ends are watched for when nothing has come for a while, whoever it was for.
#[test]
fn who_is_put_off_is_seen_to_when_it_is_quiet() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let _registration = selector.register(SOCKET, Token(1), READ).unwrap();
        machine.send(SOCKET);
        assert_eq!(next(&mut selector), Some([true, false, false]));
        assert_eq!(selector.put_off(), 1);
        selector.port().post(CompletionStatus::new(0, 99, ptr::null_mut())).unwrap();
        let short = || machine.counts().waits - machine.counts().timed;
        let before = short();
        assert_eq!(next(&mut selector), None);
        // That of the packet, and the one in which it is quiet.
        assert_eq!(short(), before + 2);
    });
}

#[test]
fn p09_a_registration_of_another_selector_is_refused() {
    story(|_| {
        let (one, other) = (Selector::new().unwrap(), Selector::new().unwrap());
        let mut registration = registered(&one);
        for result in
            [other.reregister(&mut registration, SOCKET, Token(2), READ), other.deregister(&registration, SOCKET)]
        {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
        }
        one.reregister(&mut registration, SOCKET, Token(2), READ).unwrap();
        one.deregister(&registration, SOCKET).unwrap();
    });
}

/// A wake for which the system has no memory is an error to who asked for it, and the next one tries again.
#[test]
fn p15_a_wake_that_is_refused_keeps_no_other_back() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let waker = selector.waker(Token(1)).unwrap();
        machine.set_faults(|faults| faults.unposted = 1);
        Selector::wake(&waker).unwrap_err();
        assert_eq!(next(&mut selector), None);
        Selector::wake(&waker).unwrap();
        assert_eq!(next(&mut selector), Some([true, false, false]));
        assert_eq!(next(&mut selector), None);
    });
}

/// A pipe may outlive its poll: what the kernel has done for it comes back with the polls that are waited for at the end.
#[test]
fn p19_packets_of_pipes_are_handed_on_to_the_end() {
    story(|machine| {
        let mut selector = Selector::new().unwrap();
        let registration = registered(&selector);
        assert_eq!(next(&mut selector), None);
        selector.port().post(CompletionStatus::new(0, named_pipe::KEY, ptr::null_mut())).unwrap();
        drop(registration);
        drop(selector);
        assert_eq!(machine.counts().of_pipes, 1);
    });
}

/// Whoever finds the port may post into it, and the memory stays until the packets of its polls came.
#[test]
fn packets_of_nobody_free_no_memory() {
    story(|_| {
        let mut selector = Selector::new().unwrap();
        let registration = registered(&selector);
        assert_eq!(next(&mut selector), None);
        for address in [0, 2, 1000, usize::MAX] {
            selector.port().post(CompletionStatus::new(0, AFD_KEY, address as *mut _)).unwrap();
        }
        drop(registration);
    });
}

#[test]
fn memory_that_does_not_come_back_is_leaked_rather_than_freed() {
    let with = |change: fn(&mut Faults)| {
        let once = move || {
            let machine = Machine::boot();
            machine.open(SOCKET);
            let mut selector = Selector::new().unwrap();
            let registration = registered(&selector);
            assert_eq!(next(&mut selector), None);
            machine.set_faults(change);
            drop(registration);
            drop(selector);
            assert_eq!(machine.held(), (1, 1), "its memory is the kernel's");
        };
        shuttle::check_random(once, 1);
    };
    with(|faults| faults.no_ports = true);
    // No packet ever comes.
    with(|faults| faults.batch = Some(0));
}

#[test]
fn debug_says_what_it_is() {
    story(|_| {
        let selector = Selector::new().unwrap();
        let registration = registered(&selector);
        assert!(format!("{:?}", selector.waker(Token(2)).unwrap()).starts_with("Waker { bell: Bell { token: "));
        let text = format!("{selector:?}, {registration:?}");
        assert!(text.starts_with("Selector { shared: Shared {"), "{text}");
        assert!(text.contains(", Registration { slot: 0, generation: "), "{text}");
    });
}

#[test]
fn two_selectors_may_watch_two_handles_of_one_socket() {
    story(|machine| {
        let (mut one, mut other) = (Selector::new().unwrap(), Selector::new().unwrap());
        machine.duplicate(SOCKET, SOCKET + 1);
        let first = one.register(SOCKET, Token(1), READ).unwrap();
        let _second = other.register(SOCKET + 1, Token(2), READ).unwrap();
        assert_eq!((next(&mut one), next(&mut other)), (None, None));
        machine.send(SOCKET);
        assert_eq!((next(&mut one), next(&mut other)), (Some([true, false, false]), Some([true, false, false])));
        // The last handle's end is that of the socket; the first one's is not.
        Selector::rearm(&first, READ).unwrap();
        drop(first);
        machine.close(SOCKET);
        machine.happen(SOCKET + 1, Conditions::ABORT);
        assert_eq!((next(&mut one), next(&mut other)), (None, Some([true, false, true])));
    });
}
