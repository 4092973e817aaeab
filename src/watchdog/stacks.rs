//! Reads the stacks of the threads of a frozen process from inside that process (Linux).
//!
//! `/proc/self/task/{thread}/syscall` has the stack pointer of a thread that waits in the kernel, `/proc/self/mem` its
//! stack. Every word of the stack that points into the code of the program counts as a return address. This also shows
//! some calls that have already returned, but needs neither a debugger nor unwinding. A binary without symbols (the
//! `dist` profile) yields only addresses, which `addr2line` resolves if the symbols are available.
use std::{
    fmt::Write as _,
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt,
};

/// Bytes read from the top of a stack: the waiting calls, not those that started the thread.
const STACK_BYTES: usize = 32 * 1024;
/// Maximum frames of one thread.
const FRAMES_MAX: usize = 48;

/// The state and the stack of a thread.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) name: String,
    /// The kernel's letter (S sleeps, R runs, D waits for a disk) and the kernel function in which the thread waits.
    pub(super) state: String,
    /// Function names, innermost first, joined by ` < `. Empty if the thread runs or its stack cannot be read.
    pub(super) frames: String,
}

/// Returns every thread except the calling one.
pub(super) fn of_every_thread() -> Vec<Thread> {
    let code = code_ranges();
    let memory = File::open("/proc/self/mem").ok();
    let own = fs::read_link("/proc/thread-self").ok();
    let own = own.as_deref().and_then(|path| path.file_name());
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let others = tasks.filter(|task| Some(task.file_name().as_os_str()) != own);
    others
        .map(|task| {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default().trim().to_owned();
            let stat = read("stat");
            let letter = stat.rsplit_once(") ").and_then(|(_, rest)| rest.get(..1)).unwrap_or("?");
            let pointer = stack_pointer(&read("syscall"));
            let words = memory.as_ref().zip(pointer).map(|(memory, pointer)| words(memory, pointer));
            Thread {
                name: read("comm"),
                state: format!("{letter} {}", read("wchan")).trim_end().to_owned(),
                frames: frames(&words.unwrap_or_default(), &code),
            }
        })
        .collect()
}

/// Parses `NUMBER ARGUMENT{6} STACK_POINTER PROGRAM_COUNTER`. The file is `running` for a thread in no system call.
fn stack_pointer(syscall: &str) -> Option<u64> {
    let field = syscall.split_whitespace().nth(7)?;
    u64::from_str_radix(field.strip_prefix("0x")?, 16).ok()
}

/// Reads the words of a stack from its stack pointer on.
fn words(memory: &File, from: u64) -> Vec<usize> {
    let mut bytes = vec![0; STACK_BYTES];
    // Near the bottom of a stack fewer than `STACK_BYTES` remain.
    let read = memory.read_at(&mut bytes, from).unwrap_or_default();
    let words = bytes[..read].chunks_exact(size_of::<usize>());
    words.filter_map(|word| word.try_into().ok().map(usize::from_ne_bytes)).collect()
}

/// Returns the address ranges of the program's own code.
fn code_ranges() -> Vec<Range<usize>> {
    let program = std::env::current_exe().unwrap_or_default();
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let ours = maps.lines().filter(|line| line.contains(" r-xp ") && line.ends_with(&*program.to_string_lossy()));
    ours.filter_map(|line| {
        let (from, to) = line.split_whitespace().next()?.split_once('-')?;
        Some(usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?)
    })
    .collect()
}

/// Returns the names of the functions that the words point into, without repetitions in a row.
fn frames(words: &[usize], code: &[Range<usize>]) -> String {
    let mut text = String::new();
    let mut last = String::new();
    let mut count = 0;
    for word in words.iter().filter(|word| code.iter().any(|range| range.contains(word))) {
        let name = symbol(*word);
        if name == last {
            continue;
        }
        let _ = write!(text, "{}{name}", if count > 0 { " < " } else { "" });
        last = name;
        count += 1;
        if count == FRAMES_MAX {
            break;
        }
    }
    text
}

/// Returns the name of the function before a return address, or the address if it has no symbol.
fn symbol(address: usize) -> String {
    let mut name = None;
    // A return address points to the instruction after the call.
    backtrace::resolve((address - 1) as *mut _, |symbol| {
        if let Some(found) = symbol.name() {
            // The alternate format omits the hash of a mangled name.
            name = Some(format!("{found:#}"));
        }
    });
    name.unwrap_or_else(|| format!("{address:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[inline(never)]
    fn waits_for_a_message_that_does_not_come(from: &mpsc::Receiver<()>, begun: &mpsc::Sender<()>) {
        begun.send(()).unwrap();
        assert!(from.recv().is_err());
    }

    #[test]
    fn a_thread_that_waits_is_shown_with_the_function_it_waits_in() {
        let ((end, ended), (begin, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let wait = move || waits_for_a_message_that_does_not_come(&ended, &begin);
        std::thread::Builder::new().name("the-waiting".to_owned()).spawn(wait).unwrap();
        begun.recv().unwrap();
        // The thread waits in the kernel only some time after it has sent its message.
        let found = loop {
            let threads = of_every_thread();
            let thread = threads.into_iter().find(|thread| thread.name == "the-waiting").expect("its row");
            if thread.state.starts_with('S') && !thread.frames.is_empty() {
                break thread;
            }
            std::thread::yield_now();
        };
        assert!(found.frames.contains("waits_for_a_message_that_does_not_come"), "{found:?}");
        drop(end);
    }

    #[test]
    fn a_thread_that_runs_has_no_stack_pointer() {
        assert_eq!(stack_pointer("running"), None);
        assert_eq!(stack_pointer("202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd10 0x7f00"), Some(0x7f_fd10));
    }
}
