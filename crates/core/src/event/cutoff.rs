//! A limit at which the peer ends connections: [`Cutoff`].

use std::{fmt, time::Duration};

/// The peer, or a box before it, ends connections at a fixed limit.
///
/// Many proxies and load balancers end a connection that was silent for a fixed time, and some end
/// each connection at a fixed age. The session finds such a limit after three losses in a row, see
/// [`Lost::cutoff`](crate::Lost::cutoff). `Display` names the setting that keeps the connection.
///
/// ```
/// use websocket_heartbeat::{Cutoff, Lost};
///
/// fn log(lost: &Lost) {
///     match lost.cutoff.as_deref() {
///         // Set `Heartbeat::idle` to less than this.
///         Some(Cutoff::Silence { limit, .. }) => eprintln!("cut after {limit:?} of silence"),
///         // Set `Builder::max_age` to less than this.
///         Some(Cutoff::Age { limit, .. }) => eprintln!("cut at an age of {limit:?}"),
///         _ => eprintln!("lost: {}", lost.cause),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cutoff {
    /// Connections end after a silence in both directions. A heartbeat with a shorter interval
    /// keeps them: its answer ends the silence.
    #[non_exhaustive]
    Silence {
        /// The shortest silence before these ends, rounded down to milliseconds.
        limit: Duration,
        /// How many connections in a row ended after this silence: at least 3.
        in_a_row: u32,
    },
    /// Connections end at an age, whether they are silent or not. A shorter
    /// [`Builder::max_age`](crate::Builder::max_age) replaces them in order, before they are cut.
    #[non_exhaustive]
    Age {
        /// The lowest age at these ends, rounded down to milliseconds.
        limit: Duration,
        /// How many connections in a row ended at this age: at least 3.
        in_a_row: u32,
    },
}

impl Cutoff {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Silence { .. } => "silence",
            Self::Age { .. } => "age",
        }
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence { limit, in_a_row } => write!(
                f,
                "the peer ends connections after {limit:?} of silence, {in_a_row} times in a row: \
                 use a heartbeat interval below that"
            ),
            Self::Age { limit, in_a_row } => write!(
                f,
                "the peer ends connections at an age of {limit:?}, {in_a_row} times in a row: use \
                 a maximum age below that"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutoff_names_its_remedy() {
        let limit = Duration::from_secs(5);
        let silence = Cutoff::Silence { limit, in_a_row: 3 };
        let words = "the peer ends connections after 5s of silence, 3 times in a row: use a \
                     heartbeat interval below that";
        assert_eq!((silence.to_string().as_str(), silence.name()), (words, "silence"));
        let age = Cutoff::Age { limit, in_a_row: 4 };
        let words = "the peer ends connections at an age of 5s, 4 times in a row: use a maximum \
                     age below that";
        assert_eq!((age.to_string().as_str(), age.name()), (words, "age"));
    }
}
