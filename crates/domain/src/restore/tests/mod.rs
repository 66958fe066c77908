//! Refusals first; then each rule by an example; then random schools against a model of the rules in memory.

mod model;
mod place;
mod random;
mod rules;
mod users;
