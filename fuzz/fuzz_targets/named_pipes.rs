//! The operations of a named pipe over a pretended kernel: any order of what a user, a client and the kernel do. What is
//! checked is in `src/sys/windows/pipe_io/model.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use poised::fuzzing::{named_pipes, Choices};

fuzz_target!(|bytes: &[u8]| named_pipes(&mut Choices::new(bytes)));
