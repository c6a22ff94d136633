//! Attempts over real sockets: what each is made of, and where each can hang.
#![cfg(unix)]

mod hang;
mod phase;
mod provider;

use std::time::Duration;

use futures::FutureExt;
use websocket_heartbeat::{
    Attempt, Builder, Constant, Established, Preset, Supervisor, Transport, TransportError,
    transport_fn,
};
use websocket_heartbeat_tests::{Backend, guarded};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3_600);

/// The delay before an attempt.
const DELAY: Duration = Duration::from_millis(1);

macro_rules! scenarios {
    ($($module:ident: $($scenario:ident)*;)*) => {
        scenarios! { @over smol: Smol [$($($module $scenario)*)*] }
        scenarios! { @over async_std: AsyncStd [$($($module $scenario)*)*] }
        scenarios! { @over tokio: Tokio [$($($module $scenario)*)*] }
    };
    (@over $name:ident: $backend:ident [$($module:ident $scenario:ident)*]) => {
        mod $name {
            $(
                #[test]
                fn $scenario() {
                    crate::run::<websocket_heartbeat_tests::$backend, _>(
                        stringify!($scenario),
                        crate::$module::$scenario::<websocket_heartbeat_tests::$backend>,
                    );
                }
            )*
        }
    };
}

scenarios! {
    hang: p11_the_deadline_ends_a_hang_in_each_phase p11_the_user_ends_a_hang_in_each_phase
        p11_the_next_attempt_resolves_afresh;
    provider: p22_each_attempt_brings_a_token_of_its_own
        p22_a_provider_may_hang_fail_panic_and_be_slow;
}

fn run<B: Backend, F: Future<Output = ()> + 'static>(name: &str, scenario: fn() -> F) {
    guarded(&format!("{name} over {}", B::NAME), move || B::block_on(scenario()));
}

/// The connection that a backend makes.
type Connection<B> = <<B as Backend>::Transport as Transport>::Connection;

/// A session whose attempts are made by a function.
fn session<B, F>(
    mut connect: impl FnMut(Attempt) -> F + 'static,
) -> Builder<impl Transport<Connection = Connection<B>>, B::Timer>
where
    B: Backend,
    F: Future<Output = Result<Established<Connection<B>>, TransportError>> + 'static,
{
    let transport = transport_fn(move |attempt| connect(attempt).boxed_local());
    Supervisor::builder(transport, B::timer())
        .preset(Preset::Resilient)
        .backoff(Constant::new(DELAY))
        .minimum_gap(Duration::from_millis(1))
        .connect_timeout(NEVER)
}
