//! System calls by number, as an attacker makes them who has taken a decoder over.
//!
//! For tests alone, in a process that is there to be attacked: a call may do anything to the process that makes it, its memory
//! included, and nothing here keeps the caller from that.

#![cfg(target_os = "linux")]

use std::io;

/// Makes the system call `number` and returns what it returned, or its error.
///
/// # Errors
/// What the kernel, or a filter in front of it, answers.
pub fn call(number: i64, arguments: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    #[expect(unsafe_code, reason = "there is no safe way to make a call of which only the number is known")]
    // SAFETY: none can be given for every number. The caller is a test that risks its own process; see above.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if returned == -1 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// Makes a system call by the door of 32-bit programs, which a kernel for 64 bits has as well, with other numbers behind it.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn call_of_32_bits(number: i32) -> i32 {
    let returned: i32;
    #[expect(unsafe_code, reason = "no library makes such a call")]
    // SAFETY: as above. The instruction changes no register but the one of its answer (r8 to r11 on some kernels).
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inlateout("eax") number => returned,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    returned
}
