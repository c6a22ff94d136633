//! What goes to and fro in a heartbeat: [`Exchange`].

use std::time::Duration;

use bytes::Bytes;

use crate::{
    config::{Heartbeat, Predicate, Probe, ProofOfLife},
    message::{Frame, Message},
    panics::{UserFunction, UserPanic, contain_in, drop_contained},
    text::Text,
};

/// What of a [`Heartbeat`] is no number: the probes, and what counts for what. The numbers are the
/// machine's, once a session is built.
pub(crate) struct Exchange {
    probe: Probe,
    /// `None` where it is all by default, as in most sessions.
    answers: Option<Box<Answers>>,
    /// One of the user's functions has panicked. It is called no more, since the session ends.
    panic: Option<Box<UserPanic>>,
}

struct Answers {
    life: ProofOfLife,
    reply: Option<Predicate>,
    hide_replies: bool,
    adaptive: Option<Duration>,
}

impl From<Heartbeat> for Exchange {
    fn from(heartbeat: Heartbeat) -> Self {
        let Heartbeat { pulse, life, reply, hide_replies, adaptive, .. } = heartbeat;
        let probe = pulse.map_or(Probe::Ping, |pulse| pulse.probe);
        let by_default =
            matches!(life, ProofOfLife::AnyFrame) && reply.is_none() && adaptive.is_none();
        let answers = Answers { life, reply, hide_replies, adaptive };
        Self { probe, answers: (!by_default).then(|| Box::new(answers)), panic: None }
    }
}

impl Exchange {
    /// The probe numbered `number`, where the transport can or cannot send pings; `None` if the
    /// function that makes it panicked.
    pub(crate) fn probe(&mut self, number: u64, can_ping: bool) -> Option<Frame> {
        Some(match &mut self.probe {
            Probe::Message(message) => Frame::Message(message.clone()),
            Probe::Made(make) => {
                let made = contain_in(UserFunction::Heartbeat, || make(number));
                Frame::Message(note(made, &mut self.panic)?)
            }
            Probe::Ping if can_ping => Frame::Ping(Bytes::copy_from_slice(&number.to_be_bytes())),
            Probe::Ping => Frame::Message(Text::from_static(Heartbeat::ORIGINAL_MESSAGE).into()),
        })
    }

    /// Whether one of the user's functions has panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.panic.is_some()
    }

    /// The panic that was not reported yet.
    pub(crate) fn take_panic(&mut self) -> Option<Box<UserPanic>> {
        self.panic.take()
    }

    /// Whether any frame is life and any message a reply, so that none need be looked into.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.answers.is_none()
    }

    /// Whether the message is a reply, as the user's function says, or `otherwise` without one.
    pub(crate) fn is_reply(&mut self, message: &Message, otherwise: bool) -> bool {
        match self.answers.as_mut().and_then(|answers| answers.reply.as_mut()) {
            Some(is_reply) => {
                let told = contain_in(UserFunction::Reply, || is_reply(message));
                note(told, &mut self.panic).unwrap_or(false)
            }
            None => otherwise,
        }
    }

    /// Whether messages that the user's function takes for replies are kept from the application.
    pub(crate) fn hides_replies(&self) -> bool {
        self.answers.as_ref().is_some_and(|answers| answers.hide_replies && answers.reply.is_some())
    }

    /// Whether a message is proof of life; `answer`: it answers the probe.
    pub(crate) fn message_is_life(&mut self, message: &Message, answer: bool) -> bool {
        match self.answers.as_mut().map(|answers| &mut answers.life) {
            None | Some(ProofOfLife::AnyFrame | ProofOfLife::Data) => true,
            Some(ProofOfLife::Reply) => answer,
            Some(ProofOfLife::Matching(matches)) => {
                let told = contain_in(UserFunction::ProofOfLife, || matches(message));
                note(told, &mut self.panic).unwrap_or(false)
            }
        }
    }

    /// Whether a control frame is proof of life; `answer`: it answers the probe.
    pub(crate) fn control_is_life(&self, answer: bool) -> bool {
        match self.answers.as_ref().map(|answers| &answers.life) {
            None | Some(ProofOfLife::AnyFrame) => true,
            Some(ProofOfLife::Data) => false,
            Some(ProofOfLife::Reply | ProofOfLife::Matching(_)) => answer,
        }
    }

    /// Whether anything that is heard is proof of life.
    pub(crate) fn all_is_life(&self) -> bool {
        self.control_is_life(false)
    }

    /// The least that the timeout may be where it follows the round trip.
    pub(crate) fn adaptive(&self) -> Option<Duration> {
        self.answers.as_ref().and_then(|answers| answers.adaptive)
    }
}

/// The user's functions go one by one, so that a panic of the `Drop` of one harms nobody.
impl Drop for Exchange {
    fn drop(&mut self) {
        drop_contained(std::mem::replace(&mut self.probe, Probe::Ping));
        if let Some(answers) = self.answers.take() {
            drop_contained(answers.life);
            drop_contained(answers.reply);
        }
    }
}

/// Keeps the panic of a function, the first if there are several.
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
    fn without_pings_the_original_message_is_sent() {
        let mut exchange = Exchange::from(Heartbeat::idle(Duration::from_secs(1)));
        assert!(matches!(exchange.probe(7, true), Some(Frame::Ping(p)) if p[7] == 7));
        assert!(
            matches!(exchange.probe(7, false), Some(Frame::Message(m)) if m.as_text() == Some("heartbeat"))
        );
    }

    #[test]
    fn what_is_by_default_takes_no_box() {
        for heartbeat in [Heartbeat::off(), Heartbeat::original()] {
            assert!(Exchange::from(heartbeat).answers.is_none());
        }
    }

    /// Each alone has to be kept.
    #[test]
    fn what_is_not_by_default_is_kept() {
        let message = Message::from("x");
        let mut data = Exchange::from(Heartbeat::original().proof_of_life(ProofOfLife::Data));
        assert!(!data.all_is_life() && data.message_is_life(&message, false));
        let mut reply = Exchange::from(Heartbeat::original().reply(|_| true).hide_replies());
        assert!(reply.is_reply(&message, false) && reply.hides_replies());
        let floor = Duration::from_secs(1);
        let adaptive = Exchange::from(Heartbeat::original().adaptive(floor));
        assert_eq!(adaptive.adaptive(), Some(floor));
    }
}
