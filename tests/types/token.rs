//! `Token`: a number of the user's.

use std::collections::{BTreeSet, HashSet};

use crate::util::leak::leaves_nothing_open;
use poised::Token;

const NAMED: Token = Token(3);

#[test]
fn there_and_back() {
    for number in [0, 1, usize::MAX] {
        let token = Token(number);
        assert_eq!(usize::from(token), number);
        assert_eq!(token.0, number);
    }
}

#[test]
fn compared_ordered_and_hashed_as_the_number() {
    let copy = NAMED;
    assert_eq!(copy, NAMED);
    assert_ne!(NAMED, Token(4));
    assert!(Token(2) < NAMED && NAMED <= copy && Token(9) > NAMED);
    assert_eq!(NAMED.cmp(&Token(4)), std::cmp::Ordering::Less);
    let numbers = [5, 3, 5, 1];
    assert_eq!(numbers.map(Token).into_iter().collect::<HashSet<_>>().len(), 3);
    let sorted: Vec<_> = numbers.map(Token).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(sorted, [Token(1), NAMED, Token(5)]);
}

#[test]
fn matched_in_patterns() {
    assert!(matches!(Token(3), NAMED));
    assert!(!matches!(Token(4), NAMED));
}

#[test]
fn debug_shows_the_number() {
    assert_eq!(format!("{:?}", Token(7)), "Token(7)");
}

leaves_nothing_open!(
    there_and_back,
    compared_ordered_and_hashed_as_the_number,
    matched_in_patterns,
    debug_shows_the_number,
);
