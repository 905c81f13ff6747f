//! Tests that can't work where they would run, each with its reason.

#[cfg(test)]
use super::table::ARCHES;
use super::table::{Arch, Run};

/// One test, by its name within its binary, or a module of them.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) test: &'static str,
    pub(super) why: &'static str,
}

const fn test(test: &'static str, why: &'static str) -> LeftOut {
    LeftOut { test, why }
}

const NO_SECCOMP: &str = "qemu-user has no seccomp, by which calls are refused";
const NO_ERROR_QUEUE: &str = "qemu-user does not pass the socket option on that queues errors";

const QEMU: &[LeftOut] = &[
    test("descriptors::scenario_46_children_inherit_nothing", NO_SECCOMP),
    test("limits::scenario_54_no_memory_left", NO_SECCOMP),
    test("limits::scenario_54_no_watches_left", NO_SECCOMP),
    test("limits::scenario_54_process_without_a_watch", NO_SECCOMP),
    test("limits::scenario_71_address_family_that_the_kernel_lacks", NO_SECCOMP),
    test("limits::scenario_71_failed_waker_leaks_nothing", NO_SECCOMP),
    test("timeouts::scenario_36_epoll_pwait2_is_forbidden", NO_SECCOMP),
    test("timeouts::scenario_36_epoll_pwait2_is_missing", NO_SECCOMP),
    test("timeouts::scenario_36_whole_milliseconds_need_no_epoll_pwait2", NO_SECCOMP),
    test("unix_sockets::p18_accepted_where_the_kernel_lacks_accept4", NO_SECCOMP),
    test("unix_sockets::p18_accepted_where_accept4_is_forbidden", NO_SECCOMP),
    test("waker::p15_wakes_arrive_where_the_kernel_refuses_eventfds", NO_SECCOMP),
    test("waker::scenario_48_wake_needs_no_change_of_registration", NO_SECCOMP),
    test("wakes::p15_a_busy_poller_is_woken_without_the_kernel", NO_SECCOMP),
    test("wakes::p15_who_has_slept_is_awake_again", NO_SECCOMP),
    test("wakes::p15_who_is_awake_is_woken_without_the_kernel", NO_SECCOMP),
    test("wakes::p15_who_spins_is_woken_without_the_kernel", NO_SECCOMP),
    test("timeouts::scenario_34_short_timeouts_are_exact", "qemu-user has no epoll_pwait2: timeouts round up"),
    test("descriptors::scenario_51_terminal_becomes_writable_again", "qemu-user lacks a call that makes a terminal"),
    test("flags::scenario_43_error_queue", NO_ERROR_QUEUE),
    test("flags::scenario_43_error_queue_left_alone_does_not_spin", NO_ERROR_QUEUE),
    test("flags::scenario_43_error_queue_left_alone_loses_nothing", NO_ERROR_QUEUE),
    test(
        "random::leaves_nothing_open",
        "all random programs twice or more are minutes under an emulator, which ran each once",
    ),
];

const I686: &[LeftOut] = &[test(
    "limits::scenario_71_address_family_that_the_kernel_lacks",
    "glibc makes sockets by `socketcall` there, whose arguments no filter sees",
)];

/// Those of an architecture.
pub(super) fn of(arch: &Arch) -> &'static [LeftOut] {
    match (&arch.run, arch.target) {
        (Run::Qemu { .. }, _) => QEMU,
        (_, "i686-unknown-linux-gnu") => I686,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{of, ARCHES};

    /// What was renamed would run where it can't work, and stand on the page for ever.
    #[test]
    fn what_is_left_out_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for left_out in ARCHES.iter().flat_map(of) {
            let (module, name) = left_out.test.rsplit_once("::").unwrap();
            let mut files = ["tests/models", "tests/promises", "tests/regressions", "tests/types"].map(|folder| {
                let text = fs::read_to_string(root.join(folder).join(module).with_extension("rs"));
                text.unwrap_or_default()
            });
            assert!(files.iter_mut().any(|text| text.contains(&format!("fn {name}()"))), "{}", left_out.test);
        }
    }
}
