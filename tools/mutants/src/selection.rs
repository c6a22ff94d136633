//! Selects one mutant by the environment variable `MUTANT`. Without it, the number of each mutant that
//! is reached is written to the file `MUTANTS_REACHED`.

use std::{
    fs::File,
    io::Write,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) fn active(number: usize) -> bool {
    static SELECTED: OnceLock<usize> = OnceLock::new();
    let selected = *SELECTED.get_or_init(|| {
        std::env::var("MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
    });
    if selected == 0 {
        reached(number);
    }
    selected == number
}

fn reached(number: usize) {
    static SEEN: [AtomicBool; 10_000] = [const { AtomicBool::new(false) }; 10_000];
    static LOG: OnceLock<Option<File>> = OnceLock::new();
    if !SEEN[number].swap(true, Ordering::Relaxed)
        && let Some(mut log) =
            LOG.get_or_init(|| File::create(std::env::var_os("MUTANTS_REACHED")?).ok()).as_ref()
    {
        let _ = log.write_all(format!("{number}\n").as_bytes());
    }
}
