//! The program `parlord`. Its command line is the module `cli` of the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    parlor::cli::run()
}
