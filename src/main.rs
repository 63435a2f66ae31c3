//! The `tidemill` binary: arguments in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidemill::cli::main(std::env::args_os())
}
