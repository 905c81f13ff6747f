//! P09 Registering twice is `AlreadyExists`; reregister or deregister of an unregistered source is `NotFound`. The
//! registration that there is stays as it was, and a `SourceFd` answers as far as the kernel can tell.

use std::io::ErrorKind::{AlreadyExists, NotFound};

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::{expect_error, Harness};

const IT: Token = Token(13);
const OTHER: Token = Token(14);

over_links!(p09_registered_twice, p09_registered_with_two_polls, p09_not_registered, p09_no_longer_registered);
over_links!(p09_wrong_poll, p09_the_clone_of_a_registry_is_the_same_poll);

/// Says that the reader's registration with `harness` is alive, under the token IT.
#[track_caller]
fn is_intact(harness: &mut Harness, link: &mut Link) {
    link.send(b"x");
    let seen = harness.expect_readable(IT);
    assert!(!seen.writable, "{seen:?}");
    harness.expect_none_of(OTHER);
    link.receive_all(b"x");
}

fn p09_registered_twice(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        let again = harness.poll.registry().register(&mut link.reader, OTHER, interest);
        expect_error(again, AlreadyExists);
        is_intact(&mut harness, &mut link);
    }
    harness.reregister(&mut link.reader, IT, Interest::READABLE);
    is_intact(&mut harness, &mut link);
    harness.deregister(&mut link.reader);
}

fn p09_registered_with_two_polls(mut link: Link) {
    if !link.knows {
        return;
    }
    let mut harness = Harness::new();
    let mut second = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    let again = second.poll.registry().register(&mut link.reader, OTHER, Interest::READABLE);
    expect_error(again, AlreadyExists);
    is_intact(&mut harness, &mut link);
    second.expect_none();
    harness.deregister(&mut link.reader);
    second.register(&mut link.reader, IT, Interest::READABLE);
    is_intact(&mut second, &mut link);
}

fn p09_not_registered(mut link: Link) {
    let mut harness = Harness::new();
    let registry = harness.poll.registry();
    expect_error(registry.reregister(&mut link.reader, OTHER, Interest::READABLE), NotFound);
    expect_error(registry.deregister(&mut link.reader), NotFound);
    harness.expect_none();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    is_intact(&mut harness, &mut link);
}

fn p09_no_longer_registered(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    harness.deregister(&mut link.reader);
    let registry = harness.poll.registry();
    expect_error(registry.deregister(&mut link.reader), NotFound);
    expect_error(registry.reregister(&mut link.reader, OTHER, Interest::READABLE), NotFound);
    harness.register(&mut link.reader, IT, Interest::READABLE);
    is_intact(&mut harness, &mut link);
}

fn p09_wrong_poll(mut link: Link) {
    let mut harness = Harness::new();
    let mut wrong = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    expect_error(wrong.poll.registry().reregister(&mut link.reader, OTHER, Interest::WRITABLE), NotFound);
    is_intact(&mut harness, &mut link);
    expect_error(wrong.poll.registry().deregister(&mut link.reader), NotFound);
    is_intact(&mut harness, &mut link);
    wrong.expect_none();
    harness.deregister(&mut link.reader);
}

fn p09_the_clone_of_a_registry_is_the_same_poll(mut link: Link) {
    let mut harness = Harness::new();
    let clone = harness.poll.registry().try_clone().unwrap();
    clone.register(&mut link.reader, IT, Interest::READABLE).unwrap();
    is_intact(&mut harness, &mut link);
    expect_error(harness.poll.registry().register(&mut link.reader, OTHER, Interest::READABLE), AlreadyExists);
    harness.reregister(&mut link.reader, IT, Interest::READABLE);
    is_intact(&mut harness, &mut link);
    expect_error(clone.register(&mut link.reader, OTHER, Interest::READABLE), AlreadyExists);
    harness.deregister(&mut link.reader);
    expect_error(clone.deregister(&mut link.reader), NotFound);
}

/// The first poll knew the number by a source that was closed, and took the next source of that number for its own.
#[cfg(target_os = "linux")]
#[test]
fn p09_wrong_poll_that_knew_the_number() {
    crate::util::isolated("p09::p09_wrong_poll_that_knew_the_number", || {
        for (name, make) in crate::links::every_link() {
            let (mut harness, wrong) = (Harness::new(), Harness::new());
            let mut link = make();
            let number = link.reader.raw();
            if link.knows {
                wrong.register(&mut link.reader, OTHER, Interest::READABLE);
            }
            drop(link);
            let mut link = make();
            assert_eq!(link.reader.raw(), number, "{name}: this test needs the same number");
            harness.register(&mut link.reader, IT, Interest::READABLE);
            let registry = wrong.poll.registry();
            expect_error(registry.reregister(&mut link.reader, OTHER, Interest::READABLE), NotFound);
            expect_error(registry.deregister(&mut link.reader), NotFound);
            is_intact(&mut harness, &mut link);
        }
    });
}

#[cfg(target_os = "linux")]
crate::util::leak::leaves_nothing_open!(p09_wrong_poll_that_knew_the_number);
