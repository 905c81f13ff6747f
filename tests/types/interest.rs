//! `Interest`: a set that is never empty.

use crate::util::leak::leaves_nothing_open;
use poised::Interest;

const ALL: [Interest; 5] = [Interest::READABLE, Interest::WRITABLE, Interest::PRIORITY, Interest::AIO, Interest::LIO];

/// Which of the five an interest has, in the order of ALL.
fn flags(interest: Interest) -> [bool; 5] {
    [interest.is_readable(), interest.is_writable(), interest.is_priority(), interest.is_aio(), interest.is_lio()]
}

#[test]
fn each_constant_is_itself_alone() {
    for (number, interest) in ALL.into_iter().enumerate() {
        let mut only = [false; 5];
        only[number] = true;
        assert_eq!(flags(interest), only, "{interest:?}");
    }
}

#[test]
fn sets_of_two() {
    for one in ALL {
        for other in ALL {
            let both = one | other;
            assert_eq!(both, one.add(other));
            assert_eq!(both, other | one);
            let expected = std::array::from_fn(|n| flags(one)[n] || flags(other)[n]);
            assert_eq!(flags(both), expected, "{both:?}");
            let mut assigned = one;
            assigned |= other;
            assert_eq!(assigned, both);
        }
    }
}

#[test]
fn removing_never_leaves_an_empty_set() {
    let both = Interest::READABLE | Interest::WRITABLE;
    assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
    assert_eq!(both.remove(Interest::PRIORITY), Some(both), "what is not there cannot be removed");
    assert_eq!(both.remove(both), None);
    assert_eq!(Interest::READABLE.remove(Interest::READABLE), None);
    assert_eq!(Interest::READABLE.remove(both), None);
}

#[test]
fn usable_in_constants() {
    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    const WRITES: [bool; 2] = [BOTH.is_writable(), Interest::READABLE.is_writable()];
    assert_eq!(BOTH, Interest::READABLE | Interest::WRITABLE);
    assert_eq!(WRITES, [true, false]);
}

#[test]
fn compared_and_ordered() {
    let copy = Interest::READABLE;
    assert_eq!(copy, Interest::READABLE);
    assert_ne!(Interest::READABLE, Interest::WRITABLE);
    let mut sorted = ALL;
    sorted.sort();
    assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]), "an order in which no two are equal");
    assert_eq!(Interest::READABLE.partial_cmp(&copy), Some(std::cmp::Ordering::Equal));
}

#[test]
fn debug_names_the_members() {
    assert_eq!(format!("{:?}", Interest::READABLE), "READABLE");
    assert_eq!(format!("{:?}", Interest::WRITABLE), "WRITABLE");
    let text = format!("{:?}", Interest::READABLE | Interest::WRITABLE);
    assert_eq!(text, "READABLE | WRITABLE");
    for (interest, name) in ALL.into_iter().zip(["READABLE", "WRITABLE", "PRIORITY", "AIO", "LIO"]) {
        assert_eq!(format!("{interest:?}"), name);
    }
}

leaves_nothing_open!(
    each_constant_is_itself_alone,
    sets_of_two,
    removing_never_leaves_an_empty_set,
    usable_in_constants,
    compared_and_ordered,
    debug_names_the_members,
);
