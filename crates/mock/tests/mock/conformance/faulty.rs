//! [`FaultyTransport`]: a transport with one fault.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use websocket_heartbeat::{
    Attempt, CloseFrame, Connection, ErrorKind, Established, Frame, Message, Transport,
    TransportError,
};
use websocket_heartbeat_conformance::script::OBSERVER;
use websocket_heartbeat_mock::{MockConnect, MockConnection, MockTransport, Spawner};

use super::{fault::Fault, faulty_timer::Ahead, server::Server};

pub(super) struct FaultyTransport {
    pub(super) transport: MockTransport,
    pub(super) fault: Fault,
    pub(super) server: Server,
    pub(super) ahead: Ahead,
    pub(super) spawner: Spawner,
}

impl FaultyTransport {
    /// The observer of a connection has no fault, so that each fault is found by its own rule.
    pub(super) fn new(
        server: &Server,
        spawner: &Spawner,
        url: &str,
        fault: Fault,
        ahead: &Ahead,
    ) -> Self {
        Self {
            transport: server.transport(url),
            fault: if url.contains(OBSERVER) { Fault::None } else { fault },
            server: server.clone(),
            ahead: ahead.clone(),
            spawner: spawner.clone(),
        }
    }

    fn connection(&self, connection: MockConnection) -> Faulty {
        Faulty {
            connection: Some(connection),
            fault: self.fault,
            ahead: self.ahead.clone(),
            spawner: self.spawner.clone(),
            closed: false,
            failed: false,
            ended: false,
            frames: 0,
            late: None,
            reader: None,
            writer: None,
        }
    }
}

impl Transport for FaultyTransport {
    type Connection = Faulty;
    type Connect = Pin<Box<dyn Future<Output = Result<Established<Faulty>, TransportError>>>>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        let fault = self.fault;
        let mut connect = self.transport.connect(attempt.clone());
        if fault == Fault::ConnectsUnpolled {
            let pending = connect.poll_unpin(&mut Context::from_waker(Waker::noop()));
            assert!(pending.is_pending(), "a task answers the dial");
        }
        let connect = Rc::new(RefCell::new(connect));
        if fault == Fault::KeepsAttempts {
            let kept = connect.clone();
            self.spawner.spawn(pending_with(kept)).detach();
        }
        let this = Self {
            transport: self.server.transport("mock:/echo?id=0"),
            fault,
            server: self.server.clone(),
            ahead: self.ahead.clone(),
            spawner: self.spawner.clone(),
        };
        Box::pin(this.attempt(connect, attempt))
    }
}

impl FaultyTransport {
    async fn attempt(
        mut self,
        connect: Rc<RefCell<MockConnect>>,
        attempt: Attempt,
    ) -> Result<Established<Faulty>, TransportError> {
        if attempt.connection > 1 && self.fault == Fault::ConnectsOnce {
            return Err(TransportError::new(ErrorKind::Other, "one connection only"));
        }
        let established = match poll_fn(|cx| connect.borrow_mut().poll_unpin(cx)).await {
            Err(_) if self.fault == Fault::AcceptsRefusals => {
                self.transport.connect(attempt).await?
            }
            Err(_) if self.fault == Fault::HasOtherErrors => {
                return Err(TransportError::new(ErrorKind::Other, "something"));
            }
            Err(error) if self.fault == Fault::ForgetsAnswers => {
                return Err(TransportError::new(error.kind(), "refused"));
            }
            result => result?,
        };
        Ok(established.map(|connection| self.connection(connection)))
    }
}

async fn pending_with<T>(value: T) {
    poll_fn(|_| Poll::<()>::Pending).await;
    drop(value);
}

pub(super) struct Faulty {
    /// It is taken by a drop.
    connection: Option<MockConnection>,
    fault: Fault,
    ahead: Ahead,
    spawner: Spawner,
    /// A close frame of ours was sent.
    closed: bool,
    /// A write has failed, and the fault hides it.
    failed: bool,
    /// Nothing more is read.
    ended: bool,
    /// The number of frames that were read.
    frames: u32,
    /// A frame that is reported later.
    late: Option<Frame>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn inner(&mut self) -> &mut MockConnection {
        self.connection.as_mut().expect("it is not dropped")
    }

    /// The result of a read, changed by the fault. `None`: nothing is reported for this one.
    fn change(
        &mut self,
        next: Option<Result<Frame, TransportError>>,
    ) -> Option<Poll<Option<Result<Frame, TransportError>>>> {
        use Fault as F;
        let frame = match next {
            None if self.is(F::HidesTheEnd) => return Some(Poll::Pending),
            None => return Some(Poll::Ready(None)),
            Some(Err(_)) if self.is(F::HidesErrors) => return Some(Poll::Ready(None)),
            Some(Err(_)) if self.is(F::HasOtherErrors) => {
                let error = TransportError::new(ErrorKind::Other, "something");
                return Some(Poll::Ready(Some(Err(error))));
            }
            Some(Err(_)) if self.is(F::ReportsForbiddenCodes) => {
                Frame::Close(Some(CloseFrame::new(1005, "")))
            }
            Some(Err(error)) => return Some(Poll::Ready(Some(Err(error)))),
            Some(Ok(frame)) => frame,
        };
        self.frames += 1;
        let shown = match frame {
            _ if self.is(F::DropsTheFirstFrame) && self.frames == 1 => return None,
            Frame::Message(_) if self.is(F::DiscardsAfterTheClose) && self.closed => return None,
            Frame::Message(message) if self.is(F::SkipsEmptyMessages) && message.is_empty() => {
                return None;
            }
            Frame::Message(message) if self.is(F::SplitsMessages) && message.len() > 4 => {
                self.late = Some(Message::binary(message.as_bytes()[4..].to_vec()).into());
                Message::binary(message.as_bytes()[..4].to_vec()).into()
            }
            Frame::Ping(_) if self.is(F::ReportsPingsLate) => {
                self.late = Some(frame);
                return None;
            }
            Frame::Ping(_) if self.is(F::HidesPings) => return None,
            Frame::Pong(_) if self.is(F::HidesPongs) => return None,
            Frame::Close(_) if self.is(F::HidesCloseFrames) => return None,
            Frame::Close(None) if self.is(F::InventsCloseCodes) => {
                Frame::Close(Some(CloseFrame::new(1000, "")))
            }
            frame => frame,
        };
        Some(Poll::Ready(Some(Ok(shown))))
    }
}

impl Stream for Faulty {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        use Fault as F;
        if self.ended {
            return match self.fault {
                F::ReportsAfterTheEnd => Poll::Ready(Some(Ok(Frame::Close(None)))),
                F::StopsAtPings | F::StopsAtCloseFrames => Poll::Pending,
                _ => Poll::Ready(None),
            };
        }
        if self.is(F::ForgetsToWake) && self.frames % 100 == 99 {
            self.frames += 1;
            return Poll::Pending;
        }
        if self.late.is_some() && !self.is(F::ReportsPingsLate) {
            return Poll::Ready(self.late.take().map(Ok));
        }
        let this = &mut *self;
        loop {
            let waker = match this.fault {
                F::KeepsTheFirstReader => this.reader.get_or_insert_with(|| cx.waker().clone()),
                _ => cx.waker(),
            }
            .clone();
            let next = ready!(this.inner().poll_next_unpin(&mut Context::from_waker(&waker)));
            let Some(shown) = this.change(next) else { continue };
            match &shown {
                Poll::Ready(Some(Ok(Frame::Ping(_)))) => {
                    this.ended |= this.is(F::StopsAtPings);
                    if this.is(F::PollsForLong) {
                        this.ahead.set(this.ahead.get() + Duration::from_secs(6));
                    }
                }
                Poll::Ready(Some(Ok(Frame::Close(_)))) => {
                    this.ended |= this.is(F::StopsAtCloseFrames) || this.is(F::EndsAtCloseFrames);
                }
                Poll::Ready(None | Some(Err(_))) => this.ended = true,
                _ => {}
            }
            return shown;
        }
    }
}

impl Sink<Frame> for Faulty {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let this = &mut *self;
        if this.failed {
            return Poll::Ready(Ok(()));
        }
        if this.is(Fault::KeepsTheFirstWriter) {
            let waker = this.writer.clone().unwrap_or_else(|| cx.waker().clone());
            let ready = this.inner().poll_ready_unpin(&mut Context::from_waker(&waker));
            this.writer = ready.is_pending().then_some(waker);
            return ready;
        }
        let ready = this.inner().poll_ready_unpin(cx);
        let failed = matches!(ready, Poll::Ready(Err(_)));
        this.ended |= failed && this.is(Fault::EndsReadingWithWriting);
        this.failed |= failed && this.is(Fault::WritesAfterAFailure);
        if this.is(Fault::AcceptsEverything) {
            this.closed = ready.is_pending();
            return Poll::Ready(Ok(()));
        }
        ready
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        use Fault as F;
        let fault = self.fault;
        let frame = match frame {
            // There is no room for it.
            _ if fault == F::AcceptsEverything && self.closed => return Ok(()),
            _ if self.failed => return Ok(()),
            Frame::Message(_) if fault == F::SendsAfterTheClose && self.closed => return Ok(()),
            Frame::Message(message) if fault == F::ChangesMessages && !message.is_empty() => {
                Message::binary(message.as_bytes().to_vec()).into()
            }
            Frame::Message(Message::Binary(bytes))
                if fault == F::CutsLargeMessages && bytes.len() > 1 << 20 =>
            {
                Message::binary(bytes.slice(..1 << 20)).into()
            }
            Frame::Ping(_) if fault == F::DropsPings => return Ok(()),
            Frame::Ping(payload) if fault == F::AnswersPings => {
                self.late = Some(Frame::Pong(payload));
                return Ok(());
            }
            Frame::Close(_) if fault == F::DropsCloseFrames => return Ok(()),
            Frame::Close(_) if fault == F::RefusesASecondClose && self.closed => {
                return Err(TransportError::new(ErrorKind::Other, "closed twice"));
            }
            frame => frame,
        };
        self.closed |= matches!(frame, Frame::Close(_)) && fault != F::AcceptsEverything;
        let sent = self.inner().start_send_unpin(frame);
        self.ended |= sent.is_err() && fault == F::EndsReadingWithWriting;
        sent
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let stopped = self.ended && self.is(Fault::StopsAtCloseFrames);
        if self.is(Fault::NeverWrites) || self.failed || stopped {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.inner().poll_flush_unpin(cx);
        let failed = matches!(flushed, Poll::Ready(Err(_)));
        self.ended |= failed && self.is(Fault::EndsReadingWithWriting);
        self.failed |= failed && self.is(Fault::WritesAfterAFailure);
        flushed
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.inner().poll_close_unpin(cx)
    }
}

impl Connection for Faulty {
    fn bytes_written(&self) -> Option<u64> {
        let count = self.connection.as_ref().and_then(Connection::bytes_written);
        match self.fault {
            Fault::ForgetsNumbers if self.frames > 0 => None,
            Fault::DecreasesNumbers => count.map(|count| u64::MAX - count),
            Fault::CountsNothing => Some(7),
            _ => count,
        }
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.is(Fault::AcknowledgesNothing).then_some(7)
    }

    fn shrink(mut self: Pin<&mut Self>) {
        self.ended |= self.is(Fault::EndsWhenItShrinks);
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match self.fault {
            Fault::FlushesWhenDropped => {
                let _ = connection.poll_flush_unpin(&mut Context::from_waker(Waker::noop()));
            }
            Fault::BlocksWhenDropped => self.ahead.set(self.ahead.get() + Duration::from_secs(6)),
            Fault::WritesAfterTheDrop => {
                let flush = async move {
                    let _ = connection.flush().await;
                };
                self.spawner.spawn(flush).detach();
            }
            _ => {}
        }
    }
}
