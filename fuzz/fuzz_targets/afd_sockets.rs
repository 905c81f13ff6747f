//! The Windows backend over its simulated kernel: any order of what a program, its peers and the kernel do. What is
//! checked is in `src/sys/windows/simulated/program.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use poised::fuzzing::{afd_sockets, Choices};

fuzz_target!(|bytes: &[u8]| afd_sockets(&mut Choices::new(bytes)));
