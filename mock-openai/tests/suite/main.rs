//! The provider as its peers see it: exact bytes on the wire, and the journal.

mod case;
mod support;

mod answers;
mod any_script;
mod clients;
mod contradictions;
mod cuts;
mod draws;
mod endings;
mod helpful;
mod http2;
mod journal;
mod marks;
mod real_port;
mod requests;
mod steps;
mod streams;
