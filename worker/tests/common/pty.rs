//! A pseudo-terminal of a given width, for what programs show to people and to nobody else.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The side of a terminal that a person sits at.
pub struct Terminal {
    seen: File,
    /// Where the program writes; it has copies of its own.
    program: Option<OwnedFd>,
}

impl Terminal {
    pub fn new(columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let seen = openpt(flags).unwrap();
        grantpt(&seen).unwrap();
        unlockpt(&seen).unwrap();
        let name = ptsname(&seen, Vec::new()).unwrap();
        let program =
            open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&program, size).unwrap();
        Self { seen: File::from(seen), program: Some(program) }
    }

    /// For a program's output or error.
    pub fn stdio(&self) -> Stdio {
        Stdio::from(self.program.as_ref().unwrap().try_clone().unwrap())
    }

    /// The next that the program writes; none where it has closed the last copy and ours is closed, too.
    fn read(&mut self) -> Option<Vec<u8>> {
        let mut block = vec![0; 4096];
        loop {
            match self.seen.read(&mut block) {
                Ok(count) => {
                    block.truncate(count);
                    return (count > 0).then_some(block);
                }
                // How Linux tells that no program has the terminal open any more.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                    return None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// What the program writes until one of these texts is in it. It waits as long as that takes.
    pub fn read_until(&mut self, texts: &[&str]) -> String {
        let mut bytes = Vec::new();
        loop {
            let seen = String::from_utf8_lossy(&bytes).into_owned();
            if texts.iter().any(|text| seen.contains(text)) {
                return seen;
            }
            bytes.extend(self.read().unwrap_or_else(|| panic!("it ended without any of {texts:?}: {seen}")));
        }
    }

    /// All that the program writes until its last copy is closed.
    pub fn read_to_end(mut self) -> String {
        self.program = None;
        let mut bytes = Vec::new();
        while let Some(more) = self.read() {
            bytes.extend(more);
        }
        String::from_utf8(bytes).unwrap()
    }
}
