//! Programs that are run to their end, and a runtime that a signal ends.

use std::ffi::OsStr;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::rig::{RigError, io};

/// How much of a failed program's words is shown.
const SAID: usize = 600;

/// Runs a program to its end. An exit code that is none of `fine` is an error with the end of what it said.
pub(crate) async fn finished(command: &mut Command, fine: &[i32]) -> Result<Output, RigError> {
    let name = name(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = command.output().await.map_err(io(name.clone()))?;
    if output.status.code().is_some_and(|code| fine.contains(&code)) {
        return Ok(output);
    }
    let said = tail(&String::from_utf8_lossy(&output.stderr));
    Err(RigError::NotReady(format!("{name} failed ({}): {said}", output.status)))
}

/// The program and its first argument, without their folders.
fn name(command: &Command) -> String {
    let command = command.as_std();
    let parts = [Some(command.get_program()), command.get_args().next()];
    let short = |part: &OsStr| {
        let part = std::path::Path::new(part);
        part.file_name().unwrap_or(part.as_os_str()).to_string_lossy().into_owned()
    };
    parts.into_iter().flatten().map(short).collect::<Vec<_>>().join(" ")
}

/// The end of a text.
pub(crate) fn tail(text: &str) -> String {
    let text = text.trim();
    let start = text.char_indices().rev().nth(SAID).map_or(0, |(place, _)| place);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named_with_its_words() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo why >&2; exit 3"]);
        let error =
            crate::rig::hold(async { finished(&mut command, &[0, 1]).await }).unwrap_err().to_string();
        assert!(error.contains("sh -c failed (exit status: 3): why"), "{error}");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo fine; exit 1"]);
        let output = crate::rig::hold(async { finished(&mut command, &[0, 1]).await }).unwrap();
        assert_eq!(output.stdout, b"fine\n");
    }

    #[test]
    fn a_tail_is_cut_between_characters() {
        assert_eq!(tail(" a\n"), "a");
        assert_eq!(tail(&"é".repeat(SAID * 2)).chars().count(), SAID + 1);
    }
}
