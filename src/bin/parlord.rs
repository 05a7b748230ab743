//! The daemon: command line, configuration, logging, server, exit code, and nothing else.

fn main() {}
