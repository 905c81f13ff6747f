//! Says that the tests of a file leave nothing open: no descriptor, no handle.
//!
//! The runner gives each test a process of its own, and a count before and after one test would mostly say what the
//! system and the standard library open at first use and keep: WinSock's helper, a lock's event, what Wine has for a
//! thread. So each file has one test more, made by [`leaves_nothing_open`], which runs the file's tests one after the
//! other, in one process, and then again. What opens once is open after the first round; what leaks does so in every
//! round. A round that ends with more than the one before it is followed by another, a few times, since a thread or
//! the other end of something may take a moment to go.
//!
//! A test of the file that is not in its list is an error, so that none is forgotten.

use std::process::Stdio;

use super::program::command;

/// Set in the process that runs the rounds, to the names of the tests that are ignored. Not the variable of
/// `super::isolated`: tests that want a process of their own get one here as well.
const ROUNDS: &str = "POISED_TEST_ROUNDS";
const NAME: &str = "leaves_nothing_open";

/// One test more: the others of the file, given by their names, leave nothing open.
#[allow(unused_macros)] // As all of `util`: not each test binary uses it.
macro_rules! leaves_nothing_open {
    ($($(#[$cfg:meta])* $test:ident),+ $(,)?) => {
        #[test]
        fn leaves_nothing_open() {
            $crate::util::leak::check(module_path!(), &[$($(#[$cfg])* (stringify!($test), &$test)),+]);
        }
    };
}
#[allow(unused_imports)]
pub(crate) use leaves_nothing_open;

type Test<'a> = (&'a str, &'a dyn Fn());

/// Says that `tests` are all of the module, and that they leave nothing open.
#[track_caller]
pub fn check(module: &str, tests: &[Test]) {
    rounds(module, tests, |listed| {
        for name in listed {
            assert!(tests.iter().any(|(test, _)| test == name), "{name} is not in the list of {module}");
        }
    });
}

/// Says that `parts` of the test `leaves_nothing_open` of `module` leave nothing open.
#[track_caller]
pub fn rounds(module: &str, parts: &[Test], is_complete: impl Fn(&[&str])) {
    if let Ok(ignored) = std::env::var(ROUNDS) {
        return repeat(parts.iter().filter(|(name, _)| !ignored.split(',').any(|other| other == *name)));
    }
    let (_, module) = module.split_once("::").expect("a module of a test binary");
    let prefix = format!("{module}::");
    let list = run(&["--list", "--format=terse"], "");
    is_complete(&tests_of(&prefix, &list));
    let ignored = run(&["--list", "--format=terse", "--ignored"], "");
    let name = format!("{prefix}{NAME}");
    let text = run(&["--exact", &name, "--nocapture", "--test-threads=1"], &tests_of(&prefix, &ignored).join(","));
    assert!(text.contains("1 passed"), "{name}: {text}");
}

/// The tests of a module, of all that the harness lists.
fn tests_of<'a>(prefix: &str, list: &'a str) -> Vec<&'a str> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test")?.strip_prefix(prefix));
    tests.filter(|name| !name.contains("::") && *name != NAME).collect()
}

/// What this program prints, with `arguments` for the test harness.
fn run(arguments: &[&str], ignored: &str) -> String {
    let mut command = command(&std::env::current_exe().unwrap());
    // Not empty: Windows has no such variables.
    let command = command.args(arguments).env(ROUNDS, format!(",{ignored}")).stdin(Stdio::null());
    // A search with random programs; what leaves something open shows by few.
    let command = command.env_remove("PROPTEST_CASES");
    let output = command.output().expect("run the test's child");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether this process runs the rounds.
pub fn is_round() -> bool {
    std::env::var_os(ROUNDS).is_some()
}

#[track_caller]
fn repeat<'a>(parts: impl Iterator<Item = &'a Test<'a>> + Clone) {
    let mut before = None;
    let mut grown = Vec::new();
    for _ in 0..6 {
        grown.clear();
        for (name, part) in parts.clone() {
            let before = open();
            part();
            if open() > before {
                grown.push(*name);
            }
        }
        let now = open();
        if before.is_some_and(|before| now <= before) {
            return;
        }
        before = Some(now);
    }
    panic!("more is open after each round, because of {grown:?}");
}

/// How many handles this process has open.
#[cfg(windows)]
#[allow(unsafe_code)]
pub fn open() -> usize {
    use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

    let mut count = 0;
    // SAFETY: it gives a number that stands for this process.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the process is this one, and the count outlives the call.
    let result = unsafe { GetProcessHandleCount(process, &mut count) };
    assert_ne!(result, 0, "{}", std::io::Error::last_os_error());
    // No process has none: Wine 8 does not count.
    match count {
        0 => handles().count(),
        count => count as usize,
    }
}

/// The numbers of the handles of this process, with their flags. Systems give the lowest number that is free; this stops
/// where none was in use for a while.
#[cfg(windows)]
#[allow(unsafe_code)]
pub fn handles() -> impl Iterator<Item = (usize, u32)> {
    use windows_sys::Win32::Foundation::GetHandleInformation;

    const GAP: usize = 256;
    let mut last = 0;
    let in_use = |number: usize| {
        let mut flags = 0;
        // SAFETY: the flags outlive the call, and a number that is no handle is an error.
        let known = unsafe { GetHandleInformation((number * 4) as *mut _, &mut flags) } != 0;
        known.then_some(flags)
    };
    let all = (1..).map_while(move |number| {
        let flags = in_use(number);
        if flags.is_some() {
            last = number;
        }
        (number - last < GAP).then_some(flags.map(|flags| (number, flags)))
    });
    all.flatten()
}

/// How many descriptors this process has open.
#[cfg(unix)]
pub fn open() -> usize {
    std::fs::read_dir("/dev/fd").expect("/dev/fd").count()
}
