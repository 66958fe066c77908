//! Black-box tests of the format, through the public interface only. `content` has the tested archive. The other
//! modules have the names of the tested properties.

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
mod version_2;
