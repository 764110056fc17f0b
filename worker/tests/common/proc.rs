//! Processes as `/proc` shows them.

use std::fs;

use rustix::process::Pid;

/// The children that a process has now, ended ones that nobody has waited for included.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?)?;
        (stat(pid)?.1 == parent.as_raw_pid()).then_some(pid)
    });
    processes.collect()
}

/// The state of a process, as a letter, and its parent.
pub fn stat(pid: Pid) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // The name is in parentheses and may hold anything.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
