//! Attempts to connect: [`BorderTransport`].

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use websocket_heartbeat::{Attempt, ErrorKind, Established, Transport, TransportError};

use crate::{
    connection::{BorderConnection, Reported, Shared},
    imports,
};

pub(crate) struct BorderTransport {
    session: u32,
    shared: Rc<Shared>,
}

impl BorderTransport {
    pub(crate) fn new(session: u32, shared: Rc<Shared>) -> Self {
        Self { session, shared }
    }
}

impl Transport for BorderTransport {
    type Connection = BorderConnection;
    type Connect = Connect;

    fn connect(&mut self, attempt: Attempt) -> Connect {
        let number = attempt.connection as u32;
        *self.shared.reported.borrow_mut() = Reported::nothing_of(number);
        imports::dial(self.session, number, attempt.number);
        Connect(Some(BorderConnection::new(self.session, number, Rc::clone(&self.shared))))
    }

    fn can_ping(&self) -> bool {
        false
    }
}

/// An attempt. Dropping it abandons the connection that it would become.
pub(crate) struct Connect(Option<BorderConnection>);

impl Future for Connect {
    type Output = Result<Established<BorderConnection>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(connection) = &self.0 else { return Poll::Pending };
        {
            let mut reported = connection.shared().reported.borrow_mut();
            if !reported.opened {
                if reported.end.is_some() {
                    let error = TransportError::new(ErrorKind::Unreachable, "");
                    return Poll::Ready(Err(error));
                }
                reported.register(cx);
                return Poll::Pending;
            }
        }
        let connection = self.0.take();
        connection.map_or(Poll::Pending, |made| Poll::Ready(Ok(Established::new(made))))
    }
}
