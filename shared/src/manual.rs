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
    let mut command = command.disable_help_subcommand(true);
    command.build();
    page(&command, folder).map_err(told)
}

/// A command's page, and those of the commands below it.
fn page(command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        page(below, folder)?;
    }
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // What stands behind the options has lines of its own, which a paragraph would run together.
    let man = clap_mangen::Man::new(command.clone().after_help(None::<&str>));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if !notes.is_empty() {
        text.extend_from_slice(b".SH NOTES\n.nf\n");
        for line in notes.lines() {
            // What begins with a dot or an apostrophe would be a command, and a backslash an escape.
            text.extend_from_slice(b"\\&");
            text.extend_from_slice(line.replace('\\', "\\e").replace('-', "\\-").as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(b".fi\n");
    }
    fs::write(folder.join(man.get_filename()), text)
}
