//! The rules, and their table [`RULES`].

mod attempts;
mod client;
mod closing;
mod dropping;
mod numbers;
mod polling;
mod reading;
mod sessions;
mod timers;
mod writing;

use crate::rule::{Ability, Rule};

pub(crate) use self::client::{Broken, Client, Kept, Subject};

/// Makes the table of rules and the function that finds one. Each row has the name, the abilities that
/// a client needs, and the function.
macro_rules! rules {
    ($($name:literal [$($need:ident),*] $function:path;)+) => {
        /// All rules, in the order in which a suite checks them.
        pub const RULES: &[Rule] = &[$(Rule { name: $name, needs: &[$(Ability::$need),*] }),+];

        /// Checks the rule with this name.
        pub(crate) async fn check(name: &str, client: &Client<'_, impl Subject>) -> Kept {
            match name {
                $($name => Box::pin($function(client)).await,)+
                _ => Err(Broken::new("no rule has this name")),
            }
        }
    };
}

rules! {
    "messages are read complete and unchanged" [] reading::messages;
    "fragments are joined" [] reading::fragments;
    "a ping between two fragments is reported before the message" [ReportPings]
        reading::ping_between;
    "a ping is answered while the connection is read" [] reading::ping_is_answered;
    "a ping is reported" [ReportPings] reading::ping_is_reported;
    "a pong is reported" [ReportPings] reading::pong_is_reported;
    "frames that arrive with the answer are kept" [] reading::with_answer;
    "a violation of the protocol ends reading with an error" [] reading::violation;
    "a violation of the protocol has a kind of its own" [ReportViolations]
        reading::kind_of_violation;
    "a forbidden close code is not reported as a close frame" [] reading::forbidden_code;
    "nothing is read after an error or the end" [] reading::nothing_after;

    "messages are sent unchanged and in their order" [] writing::order;
    "pings and pongs are sent without a message" [SendPings, ReportPings] writing::pings;
    "a large message is sent and read" [] writing::large;
    "a sender waits for a peer that does not read" [] writing::back_pressure;
    "a failed write does not end reading" [ReportFailedWrites, ReadAfterReset]
        writing::failed_write;
    "nothing is written after a failed write" [ReportFailedWrites] writing::after_failed_write;
    "a message that is too large does not end reading" [LimitMessages] writing::too_large;

    "the close frame of the peer is reported" [] closing::reported;
    "a close frame without a code is reported without one" [] closing::empty;
    "the close frame of the peer is answered" [] closing::answered;
    "the end of the peer is awaited after its close frame" [ReportCloseAtOnce] closing::awaited;
    "an end without a close frame is reported" [] closing::end;
    "a reset is reported" [] closing::reset;
    "a close frame of ours begins the close handshake" [] closing::ours;
    "a message after a close frame of ours is refused" [] closing::refused;
    "a second close frame of ours is accepted and not sent" [] closing::twice;
    "messages are read until the peer answers a close frame of ours" [ReadWhileClosing]
        closing::late;
    "a flush after both close frames has ended the stream" [EndStream] closing::stream;

    "a poll ends while the peer sends without a pause" [] polling::bounded;
    "a poll that is pending although there is more wakes its task" [] polling::more;
    "the waker of the last read is woken" [] polling::last_waker;
    "the waker of the last write is woken" [] polling::last_waker_of_writing;

    "the numbers of bytes are known always or never" [] numbers::known;
    "the numbers of bytes never decrease" [] numbers::increase;
    "the numbers of bytes include a message" [] numbers::include;
    "bytes that have arrived are not unacknowledged" [] numbers::unacknowledged;
    "releasing memory changes nothing else" [] numbers::shrink;

    "a drop ends the connection at once" [Abort] dropping::at_once;
    "a drop does not block" [] dropping::no_block;
    "undelivered data is not delivered after a drop" [Abort, Discard] dropping::undelivered;
    "data of a closed connection is delivered after a drop" [ReportCloseAtOnce] dropping::closed;

    "each attempt of a transport makes a connection" [] attempts::each;
    "an attempt begins when it is polled" [] attempts::lazy;
    "an attempt that is dropped is abandoned" [] attempts::abandoned;
    "an attempt that the server does not accept fails" [] attempts::fails;
    "a port without a program refuses" [ReportRefusals] attempts::closed_port;
    "the status, fields and body of a refusal are kept" [ReportRefusals] attempts::refusal;
    "the wait that a refusal demands is kept" [ReportRefusals] attempts::retry_after;
    "the wait that a refusal demands may be a date" [ReportRefusals, ReadAnswers] attempts::date;
    "a body that arrives late is kept" [ReportRefusals, ReadAnswers, WaitForBody]
        attempts::late_body;
    "an answer that is no upgrade is a violation" [ReportRefusals, ReadAnswers]
        attempts::no_upgrade;
    "an end before the answer is complete is reported" [ReportRefusals, ReadAnswers] attempts::end;

    "a sleep until a past time ends at once" [] timers::past;
    "a sleep ends when the clock reaches its deadline" [] timers::deadline;
    "the clock does not go backward" [] timers::forward;
    "a sleep until the last time does not end" [] timers::last;
    "a sleep wakes the task that polled it last" [] timers::waker;
    "random numbers differ" [] timers::entropy;

    "a session replaces a connection that the server closes" [] sessions::closed;
    "a session replaces a connection that ends" [] sessions::ended;
    "a session tries again after a failed attempt" [] sessions::failed;
    "a session replaces a connection that is silent" [SendPings] sessions::silent;
    "a session that closes ends with the close handshake" [] sessions::closes;
}

impl Rule {
    /// The rule with this name.
    pub fn find(name: &str) -> Option<Self> {
        RULES.iter().copied().find(|rule| rule.name == name)
    }
}
