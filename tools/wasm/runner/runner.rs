//! The runner of unit tests that were compiled to WebAssembly, in place of the standard one, which
//! prints and takes its arguments by the operating system. `run.js` calls the exported functions.
#![feature(test)]

extern crate test;

use std::cell::Cell;

use test::{TestDescAndFn, TestFn};

thread_local! {
    static TESTS: Cell<&'static [&'static TestDescAndFn]> = const { Cell::new(&[]) };
}

/// The `main` function of the tests calls it.
pub fn start(tests: &'static [&'static TestDescAndFn]) {
    TESTS.set(tests);
}

fn test(index: usize) -> &'static TestDescAndFn {
    TESTS.get()[index]
}

#[unsafe(no_mangle)]
pub extern "C" fn count() -> usize {
    TESTS.get().len()
}

/// The address of the name in memory.
#[unsafe(no_mangle)]
pub extern "C" fn name(index: usize) -> *const u8 {
    test(index).desc.name.as_slice().as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn name_length(index: usize) -> usize {
    test(index).desc.name.as_slice().len()
}

#[unsafe(no_mangle)]
pub extern "C" fn is_ignored(index: usize) -> bool {
    test(index).desc.ignore
}

/// Runs a test. It traps if the test panics.
#[unsafe(no_mangle)]
pub extern "C" fn run(index: usize) {
    match test(index).testfn {
        TestFn::StaticTestFn(run) => run().expect("the test returns no error"),
        _ => panic!("not a unit test"),
    }
}
