//! Exact costs of clients per message while they read frames from memory.

mod shapes;
mod stream;

use std::env;

pub(crate) use self::shapes::{Shape, run};
use crate::callgrind::{self, Counts, locked_addresses};

/// The costs of a shape per message, without those of the set-up.
pub(crate) fn counts(shape: Shape, text: bool) -> Result<Counts, String> {
    const MESSAGES: [u64; 2] = [20_000, 100_000];
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let locked = locked_addresses()?;
    let mut counts = [Counts::default(); 2];
    for (counts, messages) in counts.iter_mut().zip(MESSAGES) {
        let kind = if text { "text" } else { "binary" };
        let arguments = ["replay", shape.name(), kind, &messages.to_string()].map(str::to_owned);
        let profile = callgrind::profile(&arguments, &["--dump-instr=yes"])?;
        *counts = Counts::of(&profile, &program.to_string_lossy(), &locked);
    }
    let [fewer, more] = counts;
    Ok((more - fewer).per((MESSAGES[1] - MESSAGES[0]) as f64))
}
