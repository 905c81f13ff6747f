//! One module per promise of poised (P01 to P22 in docs/platforms.md); a test's name begins with its promise.

// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub)]

#[path = "../util/mod.rs"]
mod util;

mod links;

mod p01;
mod p02;
mod p03;
mod p04;
mod p05;
mod p06;
mod p07;
mod p08;
mod p09;
mod p10;
mod p11;
mod p12;
mod p13;
mod p14;
mod p15;
mod p16;
mod p17;
mod p18;
mod p19;
mod p20;
mod p21;
mod p22;
