//! The data folder: whether this process can use it, and the secret that it keeps.

pub mod secret;
