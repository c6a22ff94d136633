//! The probes of a session and their answers: [`Probes`].

use std::time::Duration;

use bytes::Bytes;

use crate::{
    config::{Heartbeat, Predicate, Probe, ProofOfLife},
    machine::Means,
    message::{Frame, Message},
    panics::{ARE_CAUGHT, UserFunction, UserPanic, contain_in, drop_contained},
    text::Text,
    time::Timestamp,
};

/// The parts of a [`Heartbeat`] that are not numbers: the probe, the rules for proof of life and
/// for an answer, and the awaited answer. The machine has the numbers.
pub(crate) struct Probes {
    probe: Probe,
    /// Whether the current connection can send pings. The transport is asked at the dial, since it
    /// may have been replaced by the time of a probe.
    pub(super) can_ping: bool,
    /// The number of the last probe, from 1 on in each session.
    number: u64,
    awaited: Awaited,
    /// `None` if all settings are the defaults, as in most sessions.
    answers: Option<Box<Answers>>,
    /// A function of the user has panicked. It is not called again, since the session ends.
    panic: Option<Box<UserPanic>>,
}

struct Answers {
    life: ProofOfLife,
    reply: Reply,
    adaptive: Option<Duration>,
}

/// Which messages are replies.
enum Reply {
    /// The convention of the original: any message after a probe that is a message.
    NextMessage,
    /// The messages that the user's function accepts.
    Matching(Predicate),
    /// The same messages, hidden from the application.
    Hidden(Predicate),
}

/// The answer to the last probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// The connection has the probe, but the flush is not complete. The peer may already have the
    /// probe.
    Unflushed,
    /// The probe was written then.
    Since(Timestamp),
    /// The answer was heard since the clock was last read. The time is that at which the probe was
    /// written.
    Heard(Option<Timestamp>),
}

/// An answer to a probe.
pub(super) struct Answer {
    /// The time from the written probe to the answer. `None` if the answer came before the flush.
    pub(super) time: Option<Duration>,
    /// Only a pong to a written probe proves that the peer has read everything that was written
    /// before the probe. A message may be a late reply to an earlier probe.
    pub(super) proves_arrival: bool,
}

/// The probe.
impl Probes {
    pub(crate) fn new(heartbeat: Heartbeat) -> Self {
        let Heartbeat { probe, life, reply, hide_replies, adaptive, .. } = heartbeat;
        let probe = probe.unwrap_or(Probe::Ping);
        let by_default =
            matches!(life, ProofOfLife::AnyFrame) && reply.is_none() && adaptive.is_none();
        let reply = match reply {
            None => Reply::NextMessage,
            Some(matches) if hide_replies => Reply::Hidden(matches),
            Some(matches) => Reply::Matching(matches),
        };
        let answers = Answers { life, reply, adaptive };
        Self {
            probe,
            can_ping: false,
            number: 0,
            awaited: Awaited::Nothing,
            answers: (!by_default).then(|| Box::new(answers)),
            panic: None,
        }
    }

    /// The kind of probe that the current connection can send.
    pub(super) fn means(&self) -> Means {
        match &self.probe {
            _ if self.can_ping => Means::Pings,
            Probe::Ping => Means::Nothing,
            Probe::Message(_) | Probe::Made(_) => Means::Messages,
        }
    }

    /// Another probe is needed.
    pub(super) fn ask(&mut self) {
        self.number += 1;
        self.awaited = Awaited::Nothing;
    }

    /// Makes the requested probe. `None` if the user's function for it panics.
    pub(super) fn make(&mut self) -> Option<Frame> {
        let number = self.number;
        Some(match &mut self.probe {
            Probe::Message(message) => Frame::Message(message.clone()),
            Probe::Made(make) => {
                let made = contain_in(UserFunction::Heartbeat, || make(number));
                Frame::Message(note(made, &mut self.panic)?)
            }
            Probe::Ping if self.can_ping => {
                Frame::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))
            }
            Probe::Ping => Frame::Message(Text::from_static(Heartbeat::ORIGINAL_MESSAGE).into()),
        })
    }

    /// The connection has the probe.
    pub(super) fn handed(&mut self) {
        self.awaited = Awaited::Unflushed;
    }

    /// The flush of the probe is complete.
    pub(super) fn written(&mut self, now: Timestamp) {
        if self.awaited == Awaited::Unflushed {
            self.awaited = Awaited::Since(now);
        }
    }

    /// The connection has ended: no answer is awaited.
    pub(super) fn forget_answer(&mut self) {
        self.awaited = Awaited::Nothing;
    }

    /// The awaited answer was heard.
    pub(super) fn hear_answer(&mut self) {
        let sent = match self.awaited {
            Awaited::Since(sent) => Some(sent),
            Awaited::Unflushed | Awaited::Nothing | Awaited::Heard(_) => None,
        };
        self.awaited = Awaited::Heard(sent);
    }

    /// The answer that was heard since the last call.
    pub(super) fn take_answer(&mut self, now: Timestamp) -> Option<Answer> {
        let Awaited::Heard(sent) = self.awaited else { return None };
        self.awaited = Awaited::Nothing;
        let time = sent.map(|sent| now.saturating_since(sent));
        Some(Answer { time, proves_arrival: time.is_some() && !self.are_messages() })
    }

    /// Returns whether the peer may have a probe that it has not answered.
    fn is_awaited(&self) -> bool {
        matches!(self.awaited, Awaited::Unflushed | Awaited::Since(_))
    }

    /// Returns whether the probes of the current connection are messages.
    pub(super) fn are_messages(&self) -> bool {
        !(self.can_ping && matches!(self.probe, Probe::Ping))
    }

    /// Returns whether a message that arrives now answers the probe by the convention of the
    /// original: it follows a probe that is a message.
    #[inline]
    pub(super) fn next_message_answers(&self) -> bool {
        self.is_awaited() && self.are_messages()
    }

    /// Returns whether a pong with this payload answers the probe.
    pub(super) fn pong_answers(&self, payload: &[u8]) -> bool {
        self.is_awaited() && !self.are_messages() && *payload == self.number.to_be_bytes()
    }
}

/// Replies and proof of life.
impl Probes {
    /// Returns whether one of the user's functions has panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        ARE_CAUGHT && self.panic.is_some()
    }

    /// Takes the panic that is not reported yet.
    pub(crate) fn take_panic(&mut self) -> Option<Box<UserPanic>> {
        self.panic.take().filter(|_| ARE_CAUGHT)
    }

    /// Returns whether any frame is proof of life and no function recognises replies. Then no
    /// message is examined.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.answers.is_none()
    }

    /// Returns whether the user's function accepts the message as a reply. Without a function,
    /// returns `otherwise`.
    pub(crate) fn is_reply(&mut self, message: &Message, otherwise: bool) -> bool {
        match self.answers.as_mut().map(|answers| &mut answers.reply) {
            Some(Reply::Matching(is_reply) | Reply::Hidden(is_reply)) => {
                let said = contain_in(UserFunction::Reply, || is_reply(message));
                note(said, &mut self.panic).unwrap_or(false)
            }
            Some(Reply::NextMessage) | None => otherwise,
        }
    }

    /// Returns whether the user's function recognises replies.
    pub(crate) fn recognises_replies(&self) -> bool {
        self.answers.as_ref().is_some_and(|answers| !matches!(answers.reply, Reply::NextMessage))
    }

    /// Returns whether replies are hidden from the application.
    pub(crate) fn hides_replies(&self) -> bool {
        self.answers.as_ref().is_some_and(|answers| matches!(answers.reply, Reply::Hidden(_)))
    }

    /// Returns whether a message is proof of life; `answer`: it answers the probe.
    pub(crate) fn message_is_life(&mut self, message: &Message, answer: bool) -> bool {
        match self.answers.as_mut().map(|answers| &mut answers.life) {
            None | Some(ProofOfLife::AnyFrame | ProofOfLife::Data) => true,
            Some(ProofOfLife::Reply) => answer,
            Some(ProofOfLife::Matching(matches)) => {
                let said = contain_in(UserFunction::ProofOfLife, || matches(message));
                note(said, &mut self.panic).unwrap_or(false)
            }
        }
    }

    /// Returns whether a control frame is proof of life; `answer`: it answers the probe.
    pub(crate) fn control_is_life(&self, answer: bool) -> bool {
        match self.answers.as_ref().map(|answers| &answers.life) {
            None | Some(ProofOfLife::AnyFrame) => true,
            Some(ProofOfLife::Data) => false,
            Some(ProofOfLife::Reply | ProofOfLife::Matching(_)) => answer,
        }
    }

    /// Returns whether any frame is proof of life.
    pub(crate) fn all_is_life(&self) -> bool {
        self.control_is_life(false)
    }

    /// The shortest timeout, if the timeout follows the round trip.
    pub(crate) fn adaptive(&self) -> Option<Duration> {
        self.answers.as_ref().and_then(|answers| answers.adaptive)
    }
}

/// The user's functions are dropped one by one, so that a panic of one `Drop` does not affect the others.
impl Drop for Probes {
    fn drop(&mut self) {
        drop_contained(std::mem::replace(&mut self.probe, Probe::Ping));
        if let Some(answers) = self.answers.take() {
            drop_contained(answers.life);
            drop_contained(answers.reply);
        }
    }
}

/// Keeps the panic of a function. If there are several, it keeps the first.
fn note<R>(result: Result<R, UserPanic>, panic: &mut Option<Box<UserPanic>>) -> Option<R> {
    match result {
        Ok(value) => Some(value),
        Err(new) => {
            panic.get_or_insert_with(|| Box::new(new));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_message_is_sent_where_pings_cannot_be() {
        let mut probes = Probes::new(Heartbeat::idle(Duration::from_secs(1)));
        probes.ask();
        probes.can_ping = true;
        assert!(matches!(probes.make(), Some(Frame::Ping(p)) if p[7] == 1));
        probes.can_ping = false;
        let is_original = |m: &Message| m.as_text() == Some("heartbeat");
        assert!(matches!(probes.make(), Some(Frame::Message(m)) if is_original(&m)));
    }

    #[test]
    fn default_answers_take_no_box() {
        for heartbeat in [Heartbeat::off(), Heartbeat::original()] {
            assert!(Probes::new(heartbeat).answers.is_none());
        }
    }

    #[test]
    fn each_answer_setting_is_kept_on_its_own() {
        let message = Message::from("x");
        let mut data = Probes::new(Heartbeat::original().proof_of_life(ProofOfLife::Data));
        assert!(!data.all_is_life() && data.message_is_life(&message, false));
        let mut reply = Probes::new(Heartbeat::original().reply(|_| true).hide_replies());
        assert!(reply.is_reply(&message, false) && reply.hides_replies());
        let floor = Duration::from_secs(1);
        let adaptive = Probes::new(Heartbeat::original().adaptive(floor));
        assert_eq!(adaptive.adaptive(), Some(floor));
    }
}
