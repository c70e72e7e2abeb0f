//! The provider as its peers see it: exact bytes on the wire, and the journal.

mod support;

mod answers;
mod clients;
mod cuts;
mod endings;
mod journal;
mod real_port;
mod requests;
mod steps;
mod streams;
