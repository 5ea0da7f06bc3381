//! The command from the outside: what it prints, writes and exits with.

mod bad_input;
mod folder;
mod run;
mod samples;
mod settings;
mod train;
mod trained;
