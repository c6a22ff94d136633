//! One test function, written once, becomes a test for each backend.

use std::sync::{Mutex, PoisonError};

use crate::{Backend, with_time_limit};

/// Makes a test for each backend of each named function, in modules `smol`, `async_std` and `tokio`.
///
/// The functions have a type parameter `B: Backend` and no parameters. They are defined where the
/// macro is called, or in the modules that are named before them. The first argument runs them:
/// [`run_blocking`](crate::run_blocking), [`run_async`](crate::run_async),
/// [`run_unlimited`](crate::run_unlimited), [`run_alone`](crate::run_alone), or a function of the caller
/// with the same signature.
///
/// ```
/// use websocket_heartbeat_tests::{Backend, over_every_backend, run_blocking};
///
/// fn a_timer_is_monotonic<B: Backend>() {}
///
/// over_every_backend! { run_blocking; a_timer_is_monotonic }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! over_every_backend {
    ($run:ident; $($module:ident: $($test:ident)+;)+) => {
        $crate::over_every_backend! { @backends $run [$($([$module::$test] $test)+)+] }
    };
    ($run:ident; $($test:ident)+) => {
        $crate::over_every_backend! { @backends $run [$([$test] $test)+] }
    };
    (@backends $run:ident $tests:tt) => {
        $crate::over_every_backend! { @tests smol Smol $run $tests }
        $crate::over_every_backend! { @tests async_std AsyncStd $run $tests }
        $crate::over_every_backend! { @tests tokio Tokio $run $tests }
    };
    (@tests $name:ident $backend:ident $run:ident [$([$($path:tt)+] $test:ident)+]) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    super::$run::<$crate::$backend, _>(
                        stringify!($test),
                        super::$($path)+::<$crate::$backend>,
                    );
                }
            )+
        }
    };
}

/// Runs a function that blocks its thread, with a time limit.
pub fn run_blocking<B: Backend, T: Send + 'static>(name: &str, test: fn() -> T) {
    with_time_limit(&title::<B>(name), test);
}

/// Runs an async function on the executor of the backend, with a time limit.
pub fn run_async<B: Backend, F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) {
    with_time_limit(&title::<B>(name), move || B::block_on(test()));
}

/// Runs a function that limits the time of its parts itself.
pub fn run_unlimited<B: Backend, T>(_: &str, test: fn() -> T) {
    test();
}

/// The same for a function that measures its process or real time. Functions that run alone run one
/// after the other in this process.
pub fn run_alone<B: Backend, T>(_: &str, test: fn() -> T) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    test();
}

/// The name of a test over a backend, for messages.
pub fn title<B: Backend>(name: &str) -> String {
    format!("{name} over {}", B::NAME)
}
