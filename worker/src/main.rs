//! The worker.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(command) if command == "lane" => worker::lanes::child::main(),
        _ => ExitCode::from(2),
    }
}
