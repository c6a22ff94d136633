//! Exact counts in a profile: instructions, allocations, clock reads, locked operations.

use std::{collections::HashSet, env, ops::Sub, process::Command};

/// The counts of one profile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) clock_reads: f64,
    /// Instructions of this program that lock the bus: atomic read-modify-write operations.
    pub(crate) locked: f64,
}

impl Counts {
    /// Reads a profile that was written with `--dump-instr=yes`. `locked` holds the addresses of the
    /// locking instructions of this program.
    pub(crate) fn of(profile: &str, program: &str, locked: &HashSet<u64>) -> Self {
        let mut counts = Self::default();
        let mut ours = false;
        let mut callee = "";
        let mut inclusive = false;
        for line in profile.lines() {
            if let Some(object) = line.strip_prefix("ob=") {
                ours = object == program;
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = name;
            } else if let Some(call) = line.strip_prefix("calls=") {
                // The next line has the cost of the call, which is counted in the callee.
                inclusive = true;
                let calls = call.split(' ').next().and_then(|count| count.parse().ok());
                counts.count_call(callee, calls.unwrap_or(0.0));
            } else if line.starts_with("0x") {
                if inclusive {
                    inclusive = false;
                    continue;
                }
                let mut fields = line.split(' ');
                let address = fields.next().and_then(hexadecimal);
                let cost = fields.nth(1).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
                counts.instructions += cost;
                if ours && address.is_some_and(|address| locked.contains(&address)) {
                    counts.locked += cost;
                }
            }
        }
        counts
    }

    fn count_call(&mut self, callee: &str, calls: f64) {
        match callee {
            "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc" => {
                self.allocations += calls;
            }
            "clock_gettime" => self.clock_reads += calls,
            _ => {}
        }
    }

    /// Each count divided.
    pub(crate) fn per(self, units: f64) -> Self {
        Self {
            instructions: self.instructions / units,
            allocations: self.allocations / units,
            clock_reads: self.clock_reads / units,
            locked: self.locked / units,
        }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            allocations: self.allocations - other.allocations,
            clock_reads: self.clock_reads - other.clock_reads,
            locked: self.locked - other.locked,
        }
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The addresses of this program's instructions that lock, by `objdump`.
pub(crate) fn locked_addresses() -> Result<HashSet<u64>, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("objdump")
        .args(["--disassemble", "--no-show-raw-insn", "--section=.text"])
        .arg(program)
        .output()
        .map_err(|error| format!("objdump: {error}"))?;
    if !output.status.success() {
        return Err("objdump could not read this program".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(locked_address).collect())
}

/// The address in a line such as `4d2a0: lock xadd %rax,0x8(%rdi)`, if the instruction locks. An
/// `xchg` with memory always locks.
fn locked_address(line: &str) -> Option<u64> {
    let (address, instruction) = line.split_once(":\t")?;
    let locks = instruction.starts_with("lock ")
        || (instruction.starts_with("xchg") && instruction.contains('('));
    locks.then(|| u64::from_str_radix(address.trim(), 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_call_is_counted_in_the_callee() {
        let profile = "\
positions: instr line
ob=/bench
fn=receive
0x10 0 7
0x14 0 3
cob=/libc
cfn=malloc
calls=2 0x99 0
0x18 0 500
ob=/libc
fn=malloc
0x10 0 500
totals: 510
";
        let counts = Counts::of(profile, "/bench", &HashSet::from([0x10]));
        let expected =
            Counts { instructions: 510.0, allocations: 2.0, clock_reads: 0.0, locked: 7.0 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn locking_instructions_are_recognised() {
        assert_eq!(locked_address("   4d2a0:\tlock xadd %rax,0x8(%rdi)"), Some(0x4d2a0));
        assert_eq!(locked_address("   4d2a8:\txchg   %al,(%rdi)"), Some(0x4d2a8));
        assert_eq!(locked_address("   4d2b0:\txchg   %ax,%ax"), None);
        assert_eq!(locked_address("   4d2b2:\tmov    (%rdi),%rax"), None);
    }
}
