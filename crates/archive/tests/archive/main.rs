//! Black-box tests of the format: everything enters by the front door. `content` has the archive they are about, the
//! other modules are named after what is done to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod canonical;
mod content;
mod damage;
mod foreign;
mod golden;
mod hostile;
mod keys;
mod round_trip;
mod tools;
