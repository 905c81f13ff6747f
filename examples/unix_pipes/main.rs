//! A child process with both its pipes in one poll: megabytes go in and come out, and neither side waits for the other.
//!
//! ```text
//! cargo run --example unix_pipes                      # through `tr a-z A-Z`
//! cargo run --example unix_pipes -- wc -c             # through a command of your own
//! ```
//!
//! To write all and then read all would be a deadlock: the child stops reading when nobody takes its output, and a
//! pipe holds 64 KiB. All of it is in `pump`, as it is for Unix alone; on other systems this program says so.

// A program reports to its user on the standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(unix)]
mod pump;

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    pump::main()
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("this example is for Unix: elsewhere the pipes of a child process cannot be polled");
    std::process::ExitCode::FAILURE
}
