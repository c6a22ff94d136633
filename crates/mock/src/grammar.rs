//! [`Grammar`]: checks the order of events with an automaton.

use std::{error::Error, fmt};

use websocket_heartbeat::Event;

/// Checks the order of a session's events, which [`Event`] promises.
///
/// It reads the events of a supervisor, of an inbox, or of a stream that is made from one of them,
/// beginning with the first event. It checks that no event comes at a wrong place. It does not
/// require an end, since a stream ends early if its driver is dropped.
///
/// ```
/// use futures::StreamExt;
/// use websocket_heartbeat::Supervisor;
/// use websocket_heartbeat_mock::{Clock, Grammar, Script, mock, run};
///
/// let clock = Clock::new();
/// let (transport, remote) = mock(&clock);
/// remote.script(|_| Script::accept().greet("hello"));
/// let mut session = Supervisor::builder(transport, clock.timer()).build()?;
/// let handle = session.handle();
/// run(&clock, async move {
///     let mut grammar = Grammar::new();
///     while let Some(event) = session.next().await {
///         grammar.read(&event);
///         handle.close();
///     }
///     assert!(grammar.has_ended());
/// });
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Grammar {
    state: State,
    /// The number of the last attempt, if it is known.
    connection: Option<u64>,
    /// How many earlier numbers were not reported, because their losses are folded into this loss.
    skipped: Option<u64>,
}

/// The part of an event that the grammar checks. It can also be made from other records of events,
/// for example from the lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a new event is a new grammar")]
pub enum Word {
    /// [`Event::Connecting`].
    Connecting {
        /// The connection's number.
        connection: u64,
    },
    /// [`Event::Open`].
    Open {
        /// The connection's number.
        connection: u64,
    },
    /// [`Event::Message`].
    Message,
    /// [`Event::WriteBlocked`].
    WriteBlocked {
        /// The connection's number.
        connection: u64,
    },
    /// [`Event::Silent`].
    Silent {
        /// The connection's number.
        connection: u64,
    },
    /// [`Event::Unanswered`].
    Unanswered {
        /// The connection's number.
        connection: u64,
    },
    /// [`Event::Lost`].
    Lost {
        /// The connection's number.
        connection: u64,
        /// Whether it had been open.
        opened: bool,
        /// The losses that were folded into this one.
        skipped_cycles: u64,
    },
    /// [`Event::Retry`].
    Retry,
    /// [`Event::Closed`].
    Closed,
    /// [`Event::Lagged`].
    Lagged,
}

/// The error for a word at a wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    words: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Breach {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first event may be any event.
    Anywhere,
    Begin,
    Connecting,
    Open,
    Lost,
    LostAndLagged,
    Retry,
    Closed,
}

impl Grammar {
    /// Starts before the first event of a session.
    pub fn new() -> Self {
        Self { state: State::Begin, connection: Some(0), skipped: Some(0) }
    }

    /// Starts in the middle of a session.
    pub fn midway() -> Self {
        Self { state: State::Anywhere, connection: None, skipped: None }
    }

    /// Reads the next event.
    ///
    /// # Panics
    ///
    /// If the event is at a wrong place.
    #[track_caller]
    pub fn read(&mut self, event: &Event) {
        if let Err(breach) = self.check(Word::of(event)) {
            panic!("{breach}: {event:?}");
        }
    }

    /// Reads the next word.
    ///
    /// # Errors
    ///
    /// If the word is at a wrong place. The state does not change then.
    pub fn check(&mut self, word: Word) -> Result<(), Breach> {
        let next = self.after(word).filter(|_| self.has_right_numbers(word));
        let Some(next) = next else { return Err(self.breach(word)) };
        self.state = next;
        if let Word::Connecting { connection } = word {
            self.skipped = self.connection.map(|before| connection - before - 1);
        }
        if let Word::Connecting { connection }
        | Word::Open { connection }
        | Word::WriteBlocked { connection }
        | Word::Silent { connection }
        | Word::Unanswered { connection }
        | Word::Lost { connection, .. } = word
        {
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// The state after this word, if the word is allowed here.
    fn after(&self, word: Word) -> Option<State> {
        use State::{Anywhere, Begin, Closed, Connecting, Lost, LostAndLagged, Open, Retry};
        Some(match (self.state, word) {
            (Closed, _) => return None,
            (_, Word::Closed) => Closed,
            (Anywhere | Begin | Lost | LostAndLagged | Retry, Word::Connecting { .. }) => {
                Connecting
            }
            (Anywhere | Connecting, Word::Open { .. }) => Open,
            (Anywhere, Word::Lagged) => Anywhere,
            (
                Anywhere | Open,
                Word::Message
                | Word::WriteBlocked { .. }
                | Word::Silent { .. }
                | Word::Unanswered { .. },
            )
            | (Open, Word::Lagged) => Open,
            (Lost, Word::Lagged) => LostAndLagged,
            (Anywhere, Word::Lost { .. })
            | (Open, Word::Lost { opened: true, .. })
            | (Connecting, Word::Lost { opened: false, .. }) => Lost,
            (Anywhere | Lost | LostAndLagged, Word::Retry) => Retry,
            _ => return None,
        })
    }

    /// Whether the numbers in the word follow from the previous numbers.
    fn has_right_numbers(&self, word: Word) -> bool {
        let is = |number| self.connection.is_none_or(|known| known == number);
        match word {
            Word::Connecting { connection } => {
                self.connection.is_none_or(|before| connection > before)
            }
            Word::Open { connection }
            | Word::WriteBlocked { connection }
            | Word::Silent { connection }
            | Word::Unanswered { connection } => is(connection),
            Word::Lost { connection, skipped_cycles, .. } => {
                is(connection) && self.skipped.is_none_or(|skipped| skipped == skipped_cycles)
            }
            Word::Message | Word::Retry | Word::Closed | Word::Lagged => true,
        }
    }

    fn breach(&self, word: Word) -> Breach {
        let Self { state, connection, skipped } = self;
        let number = connection.map_or_else(|| "one".to_owned(), |number| number.to_string());
        let place = match state {
            State::Anywhere | State::Begin => "at the beginning".to_owned(),
            State::Connecting => format!("while {number} is connecting"),
            State::Open => format!("while {number} is open"),
            State::Lost => format!("after {number} was lost"),
            State::LostAndLagged => format!("after {number} was lost and messages dropped"),
            State::Retry => format!("after the retry that follows {number}"),
            State::Closed => "after the end".to_owned(),
        };
        let folded = match skipped {
            Some(0) | None => String::new(),
            Some(count) => format!(" ({count} before it folded)"),
        };
        Breach { words: format!("{word:?} {place}{folded} breaks the grammar of events") }
    }

    /// Whether the session has ended.
    pub fn has_ended(&self) -> bool {
        self.state == State::Closed
    }
}

impl Default for Grammar {
    fn default() -> Self {
        Self::new()
    }
}

impl Word {
    /// The word of an event.
    ///
    /// # Panics
    ///
    /// If this version of the mock does not know the event.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Connecting(event) => Self::Connecting { connection: event.connection },
            Event::Open(event) => Self::Open { connection: event.connection },
            Event::Message(_) => Self::Message,
            Event::WriteBlocked(event) => Self::WriteBlocked { connection: event.connection },
            Event::Silent(event) => Self::Silent { connection: event.connection },
            Event::Unanswered(event) => Self::Unanswered { connection: event.connection },
            Event::Lost(event) => Self::Lost {
                connection: event.connection,
                opened: event.opened,
                skipped_cycles: event.skipped_cycles,
            },
            Event::Retry(_) => Self::Retry,
            Event::Closed(_) => Self::Closed,
            Event::Lagged(_) => Self::Lagged,
            other => panic!("the grammar does not know this event: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: fn(u64) -> Word = |connection| Word::Connecting { connection };
    const O: fn(u64) -> Word = |connection| Word::Open { connection };
    const W: fn(u64) -> Word = |connection| Word::WriteBlocked { connection };
    const S: fn(u64) -> Word = |connection| Word::Silent { connection };
    const U: fn(u64) -> Word = |connection| Word::Unanswered { connection };
    const M: Word = Word::Message;
    const R: Word = Word::Retry;
    const X: Word = Word::Closed;
    const G: Word = Word::Lagged;

    fn lost(connection: u64, opened: bool, skipped_cycles: u64) -> Word {
        Word::Lost { connection, opened, skipped_cycles }
    }

    fn accepts(words: &[Word]) -> bool {
        let mut grammar = Grammar::new();
        words.iter().all(|word| grammar.check(*word).is_ok())
    }

    #[test]
    fn whole_sessions_are_accepted() {
        let sessions: [&[Word]; 9] = [
            &[X],
            &[C(1), O(1), S(1), M, U(1), S(1), lost(1, true, 0), R, C(2), O(2), U(2), X],
            &[C(1), X],
            &[C(1), O(1), M, X],
            &[C(1), O(1), W(1), M, W(1), G, W(1), lost(1, true, 0), X],
            &[C(1), lost(1, false, 0), X],
            // Paused and resumed, so without a retry.
            &[C(1), lost(1, false, 0), C(2), O(2), lost(2, true, 0), R, X],
            &[C(1), O(1), M, G, M, lost(1, true, 0), R, C(2), O(2), X],
            // Folded losses, with dropped messages among them.
            &[C(1), O(1), lost(1, true, 0), G, R, C(5), lost(5, false, 3), R, C(6), X],
        ];
        for session in sessions {
            assert!(accepts(session), "{session:?}");
        }
    }

    #[test]
    fn a_part_of_a_session_may_start_anywhere() {
        let parts: [&[Word]; 7] = [
            &[R, C(7), O(7), lost(7, true, 0)],
            &[M, lost(7, true, 2), C(9), lost(9, false, 1), X],
            &[lost(7, false, 0), G, C(8)],
            &[O(7), M],
            &[W(7), M, lost(7, true, 0)],
            &[C(7), X],
            &[X],
        ];
        for part in parts {
            let mut grammar = Grammar::midway();
            assert!(part.iter().all(|word| grammar.check(*word).is_ok()), "{part:?}");
        }
        let mut grammar = Grammar::midway();
        grammar.check(O(7)).unwrap();
        assert!(grammar.check(lost(8, true, 0)).is_err());
        assert!(grammar.check(C(8)).is_err());
    }

    #[test]
    fn wrong_orders_are_refused() {
        let sessions: [&[Word]; 22] = [
            &[O(1)],
            &[M],
            &[R],
            &[G],
            &[lost(1, false, 0)],
            &[C(1), M],
            &[W(1)],
            &[C(1), W(1)],
            &[C(1), O(1), W(2)],
            &[C(1), O(1), lost(1, true, 0), W(1)],
            &[C(1), G],
            &[C(1), R],
            &[C(1), O(2)],
            &[C(1), C(2)],
            &[C(1), lost(1, true, 0)],
            &[C(1), O(1), lost(1, false, 0)],
            &[C(1), O(1), O(1)],
            &[C(1), O(1), C(2)],
            &[C(1), O(1), lost(1, true, 0), M],
            &[C(1), lost(1, false, 0), R, R],
            &[C(1), lost(1, false, 0), C(3), lost(3, false, 0)],
            &[X, X],
        ];
        for session in sessions {
            let (_, valid) = session.split_last().unwrap();
            assert!(accepts(valid) && !accepts(session), "{session:?}");
        }
    }
}
