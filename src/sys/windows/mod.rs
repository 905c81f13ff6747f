//! Readiness on Windows, made of completion ports and polls of `\Device\Afd`.

mod event;
mod socket;

#[cfg(test)]
mod model;
