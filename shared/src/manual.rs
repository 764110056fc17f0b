//! What a program's command line gives by itself: completions for shells, and manual pages.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate};

/// Writes the completion script of a program for a shell.
///
/// # Errors
/// Those of the writer.
pub fn completions(mut command: Command, shell: Shell, out: &mut impl Write) -> io::Result<()> {
    let name = command.get_name().to_owned();
    // It panics where it cannot write: what it writes goes through our memory.
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    out.write_all(&script)
}

/// Writes `PROGRAM.1`, and `PROGRAM-COMMAND.1` for each of its commands, into a folder, which is made where it is missing.
///
/// # Errors
/// Those of the file system, with the name of what could not be written.
pub fn pages(command: Command, folder: &Path) -> io::Result<()> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(told)?;
    clap_mangen::generate_to(command, folder).map_err(told)
}
