//! Our connection on any of the runtimes, without a supervisor.

use std::marker::PhantomData;

use websocket_heartbeat::{Connection, Frame, Transport, TransportError};

use super::{
    message_socket::MessageClient,
    ours::Ours,
    socket::{Fallible, Target},
};

pub(crate) struct Bare<R>(PhantomData<R>);

impl<R: Ours> MessageClient for Bare<R>
where
    <R::Transport as Transport>::Connection: Connection + Unpin,
{
    type Runtime = R;
    type Message = Frame;
    type Error = TransportError;
    type Connection = <R::Transport as Transport>::Connection;

    async fn connect(target: Target) -> Fallible<Self::Connection> {
        R::dial(target).await
    }
}
