//! What only Windows has: [`NamedPipe`].

mod named_pipe;

pub use named_pipe::NamedPipe;
