//! `unix::pipe`: `new`, `Sender` and `Receiver`.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::process::{Command, Stdio};

use poised::unix::pipe::{self, Receiver, Sender};
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, expect_would_block, fill, Harness};

const IT: Token = Token(16);

/// A pipe whose receiver is registered with the harness.
fn new() -> (Harness, Sender, Receiver) {
    let harness = Harness::new();
    let (sender, mut receiver) = pipe::new().unwrap();
    harness.register(&mut receiver, IT, Interest::READABLE);
    (harness, sender, receiver)
}

#[test]
fn read_and_write() {
    let (mut harness, mut sender, mut receiver) = new();
    expect_would_block(receiver.read(&mut [0; 8]));
    assert_eq!(sender.write(b"one").unwrap(), 3);
    assert_eq!((&sender).write(b"two").unwrap(), 3);
    sender.flush().unwrap();
    (&sender).flush().unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(receiver.read(&mut buffer[..4]).unwrap(), 4);
    assert_eq!((&receiver).read(&mut buffer[4..]).unwrap(), 2);
    assert_eq!(&buffer[..6], b"onetwo");
    expect_would_block((&receiver).read(&mut buffer));
}

#[test]
fn vectored_reads_and_writes() {
    let (mut harness, mut sender, mut receiver) = new();
    let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"twothree")];
    assert_eq!(sender.write_vectored(&slices).unwrap(), 11);
    harness.expect_readable(IT);
    let (mut one, mut rest) = ([0; 3], [0; 20]);
    let mut slices = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut rest)];
    assert_eq!(receiver.read_vectored(&mut slices).unwrap(), 11);
    assert_eq!((&one, &rest[..8]), (b"one", &b"twothree"[..]));
    expect_would_block((&receiver).read_vectored(&mut [IoSliceMut::new(&mut one)]));
    assert_eq!((&sender).write_vectored(&[IoSlice::new(b"x")]).unwrap(), 1);
    harness.expect_readable(IT);
}

#[test]
fn vectored_with_more_slices_than_the_system_takes() {
    let (_harness, mut sender, mut receiver) = new();
    let slices = vec![IoSlice::new(b"x"); 3000];
    // Some of them, as `write` and `read` may: no error.
    let written = sender.write_vectored(&slices).unwrap();
    assert!(written > 0, "{written}");
    let mut buffers = vec![[0; 1]; 3000];
    let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
    let read = receiver.read_vectored(&mut slices).unwrap();
    assert!(read > 0 && read <= written, "{read} of {written}");
    assert_eq!(drain(&receiver).0.len(), written - read);
}

#[test]
fn the_end_of_each_side() {
    let (mut harness, mut sender, mut receiver) = new();
    sender.write_all(b"last").unwrap();
    drop(sender);
    harness.expect(IT, |seen| seen.readable && seen.read_closed);
    assert_eq!(drain(&receiver), (b"last".to_vec(), true));
    assert_eq!(receiver.read(&mut [0; 8]).unwrap(), 0);

    let (mut harness, mut sender, receiver) = new();
    harness.register(&mut sender, Token(17), Interest::WRITABLE);
    harness.expect_writable(Token(17));
    drop(receiver);
    harness.expect(Token(17), |seen| seen.write_closed);
    expect_error(sender.write(b"x"), ErrorKind::BrokenPipe);
}

#[test]
fn a_full_pipe_goes_on_when_there_is_room() {
    let (mut harness, mut sender, receiver) = new();
    harness.register(&mut sender, Token(17), Interest::WRITABLE);
    harness.expect_writable(Token(17));
    for _ in 0..3 {
        let total = fill(&sender);
        let (bytes, end) = drain(&receiver);
        assert_eq!((bytes.len(), end), (total, false));
        harness.expect_writable(Token(17));
    }
}

#[test]
fn try_io_gives_what_the_operation_gives() {
    let (_harness, sender, receiver) = new();
    assert_eq!(sender.try_io(|| Ok(7)).unwrap(), 7);
    assert_eq!(receiver.try_io(|| Ok(8)).unwrap(), 8);
    expect_would_block(receiver.try_io(|| (&receiver).read(&mut [0; 8])));
    fill(&sender);
    expect_would_block(sender.try_io(|| (&sender).write(b"x")));
    let mine = sender.try_io(|| io::Result::<()>::Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(mine.unwrap_err().to_string(), "mine");
}

#[test]
fn set_nonblocking_and_back() {
    let (sender, mut receiver) = pipe::new().unwrap();
    receiver.set_nonblocking(false).unwrap();
    sender.set_nonblocking(false).unwrap();
    // Only a read that blocks can see what is written later.
    let writer = std::thread::spawn(move || (&sender).write(b"late").map(|_| sender));
    let mut buffer = [0; 4];
    receiver.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"late");
    let sender = writer.join().unwrap().unwrap();
    receiver.set_nonblocking(true).unwrap();
    sender.set_nonblocking(true).unwrap();
    expect_would_block(receiver.read(&mut buffer));
    fill(&sender);
}

#[test]
fn descriptor_round_trips() {
    let (sender, receiver) = pipe::new().unwrap();
    let sender = crate::handles::round_trips(sender, |sender| assert_eq!((&*sender).write(b"x").unwrap(), 1));
    let mut receiver = crate::handles::round_trips(receiver, |receiver| {
        assert_eq!((&*receiver).read(&mut [0; 1]).unwrap(), 1);
    });
    drop(sender);
    assert_eq!(receiver.read(&mut [0; 1]).unwrap(), 0);
}

/// Reads until the end of what the process writes, waiting by poll.
#[track_caller]
fn read_to_end(receiver: &mut Receiver) -> Vec<u8> {
    receiver.set_nonblocking(true).unwrap();
    let mut harness = Harness::new();
    harness.register(receiver, IT, Interest::READABLE);
    let mut all = Vec::new();
    loop {
        harness.expect(IT, |seen| seen.readable || seen.read_closed);
        let (bytes, end) = drain(&*receiver);
        all.extend(bytes);
        if end {
            return all;
        }
    }
}

#[test]
fn from_the_pipes_of_a_process() {
    let mut child = Command::new("sh")
        .args(["-c", "cat; echo to stderr >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = Sender::from(child.stdin.take().unwrap());
    let mut stdout = Receiver::from(child.stdout.take().unwrap());
    let mut stderr = Receiver::from(child.stderr.take().unwrap());

    stdin.set_nonblocking(true).unwrap();
    let mut harness = Harness::new();
    harness.register(&mut stdin, Token(17), Interest::WRITABLE);
    harness.expect_writable(Token(17));
    stdin.write_all(b"through cat").unwrap();
    drop(stdin);
    assert_eq!(read_to_end(&mut stdout), b"through cat");
    assert_eq!(read_to_end(&mut stderr), b"to stderr\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn debug_names_the_types() {
    let (sender, receiver) = pipe::new().unwrap();
    assert!(format!("{sender:?}").contains("Sender"), "{sender:?}");
    assert!(format!("{receiver:?}").contains("Receiver"), "{receiver:?}");
}

leaves_nothing_open!(
    read_and_write,
    vectored_reads_and_writes,
    vectored_with_more_slices_than_the_system_takes,
    the_end_of_each_side,
    a_full_pipe_goes_on_when_there_is_room,
    try_io_gives_what_the_operation_gives,
    set_nonblocking_and_back,
    descriptor_round_trips,
    from_the_pipes_of_a_process,
    debug_names_the_types,
);
