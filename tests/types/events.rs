//! `Events` and its `Iter`.

use poised::net::UdpSocket;
use poised::{Events, Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{warm, Harness};

/// A harness whose last poll reported the tokens 0, 1 and 2.
fn three() -> (Harness, Vec<UdpSocket>) {
    let mut harness = Harness::new();
    let mut sockets: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap()).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        warm(socket);
        harness.register(socket, Token(number), Interest::WRITABLE);
    }
    assert_eq!(harness.turn(), 3);
    (harness, sockets)
}

#[test]
fn capacity_is_what_was_asked_for() {
    for capacity in [1, 2, 64, 1024] {
        let events = Events::with_capacity(capacity);
        assert_eq!(events.capacity(), capacity);
        assert!(events.is_empty());
        assert_eq!(events.iter().count(), 0);
    }
    assert_eq!(Events::with_capacity(0).capacity(), 1);
}

#[test]
fn capacity_stays() {
    let (mut harness, _sockets) = three();
    assert_eq!(harness.events.capacity(), 64);
    harness.events.clear();
    assert_eq!(harness.events.capacity(), 64);
    harness.turn();
    assert_eq!(harness.events.capacity(), 64);
}

#[test]
fn clear_empties() {
    let (mut harness, _sockets) = three();
    assert!(!harness.events.is_empty());
    harness.events.clear();
    assert!(harness.events.is_empty());
    assert!(harness.events.iter().next().is_none());
    harness.events.clear();
}

#[test]
fn iterated_by_method_and_by_reference() {
    let (harness, _sockets) = three();
    let mut by_method: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
    let mut by_reference = Vec::new();
    for event in &harness.events {
        by_reference.push(event.token());
    }
    assert_eq!(by_method, by_reference);
    by_method.sort();
    assert_eq!(by_method, [0, 1, 2].map(Token));
}

#[test]
fn an_iterator_knows_its_length_and_can_be_cloned() {
    let (harness, _sockets) = three();
    let mut iter = harness.events.iter();
    assert_eq!(iter.size_hint(), (3, Some(3)));
    let first = iter.next().unwrap().token();
    let clone = iter.clone();
    assert_eq!(iter.size_hint(), (2, Some(2)));
    let rest: Vec<_> = iter.map(|event| event.token()).collect();
    assert_eq!(clone.map(|event| event.token()).collect::<Vec<_>>(), rest);
    assert!(!rest.contains(&first));
    assert_eq!(harness.events.iter().count(), 3);
    assert_eq!(harness.events.iter().last().unwrap().token(), rest[1]);
}

#[test]
fn debug_shows_the_events() {
    let (mut harness, _sockets) = three();
    let text = format!("{:?}", harness.events);
    for token in [0, 1, 2].map(Token) {
        assert!(text.contains(&format!("{token:?}")), "{text}");
    }
    let mut iter = harness.events.iter();
    let gone = format!("{:?}", iter.next().unwrap().token());
    let text = format!("{iter:?}");
    assert!(text.contains("Token") && !text.contains(&gone), "what is left of {gone}: {text}");
    assert!(format!("{:#?}", harness.events).contains('\n'));
    harness.events.clear();
    let _ = format!("{:?}", harness.events);
}

leaves_nothing_open!(
    capacity_is_what_was_asked_for,
    capacity_stays,
    clear_empties,
    iterated_by_method_and_by_reference,
    an_iterator_knows_its_length_and_can_be_cloned,
    debug_shows_the_events,
);
