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
    program: OwnedFd,
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
        Self { seen: File::from(seen), program }
    }

    /// For a program's output or error.
    pub fn stdio(&self) -> Stdio {
        Stdio::from(self.program.try_clone().unwrap())
    }

    /// All that the program writes until its last copy is closed.
    pub fn read_to_end(self) -> String {
        let Self { mut seen, program } = self;
        drop(program);
        let mut bytes = Vec::new();
        let mut block = [0; 4096];
        loop {
            match seen.read(&mut block) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&block[..count]),
                // How Linux tells that no program has the terminal open any more.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}
