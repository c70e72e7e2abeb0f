//! The server program on a real port: its command line, its control, its end.

mod support;

mod control;
mod keys;
mod program;
mod signals;
