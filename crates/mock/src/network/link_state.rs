//! [`LinkState`]: the state that both ends of a link share.

use std::collections::VecDeque;

use websocket_heartbeat::{Frame, Timestamp, TransportError};

use super::{
    client_waker::ClientWaker, options::LinkOptions, waiters::Waiters, write_buffer::WriteBuffer,
};

/// The state of the close handshake on the server's side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Open,
    CloseSent,
    Gone,
}

/// Whether packets arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Up,
    Held,
    Cut,
}

/// The state of the client's reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    CloseSeen,
    Over,
}

/// An item that the client reads.
pub(crate) enum Incoming {
    Frame(Frame),
    /// The stream fails. Writes fail too if `link_broke`.
    Error {
        error: TransportError,
        link_broke: bool,
    },
    End,
}

pub(super) enum Packet {
    ToClient(Incoming),
    ToServer(Frame),
}

/// The packets in flight in one direction, which stay in order.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) last: Timestamp,
    pub(super) in_flight: usize,
}

pub(crate) struct LinkState {
    pub(crate) options: LinkOptions,

    pub(crate) incoming: VecDeque<Incoming>,
    pub(super) reading: Reading,

    pub(crate) write_buffer: WriteBuffer,
    pub(crate) written: Vec<(Timestamp, Frame)>,
    pub(super) write_error_recorded: bool,

    pub(crate) client_waker: ClientWaker,
    pub(super) hesitated_read: bool,
    pub(super) hesitated_ready: bool,
    pub(super) hesitated_flush: bool,
    /// The last poll of a task that read frames, and the number of frames.
    pub(super) turn: (u64, u32),

    pub(super) path: Path,
    pub(super) held: VecDeque<Packet>,
    pub(super) to_client: Lane,
    pub(super) to_server: Lane,

    pub(super) server: Server,
    pub(crate) received: Vec<(Timestamp, Frame)>,
    pub(crate) received_count: u64,
    /// How many received frames `try_next_received` has returned.
    pub(crate) taken: usize,
    pub(crate) waiters: Waiters,
    pub(crate) dropped_at: Option<Timestamp>,
    pub(crate) ignored: u64,
}

impl LinkState {
    pub(super) fn new(options: LinkOptions) -> Self {
        Self {
            incoming: VecDeque::new(),
            reading: Reading::Open,
            write_buffer: WriteBuffer::new(options.rate),
            written: Vec::new(),
            write_error_recorded: false,
            client_waker: ClientWaker::default(),
            hesitated_read: false,
            hesitated_ready: false,
            hesitated_flush: false,
            turn: (0, 0),
            path: Path::Up,
            held: VecDeque::new(),
            to_client: Lane::default(),
            to_server: Lane::default(),
            server: Server::Open,
            received: Vec::new(),
            received_count: 0,
            taken: 0,
            waiters: Waiters::default(),
            dropped_at: None,
            ignored: 0,
            options,
        }
    }

    pub(super) fn lane(&mut self, packet: &Packet) -> &mut Lane {
        match packet {
            Packet::ToClient(_) => &mut self.to_client,
            Packet::ToServer(_) => &mut self.to_server,
        }
    }
}
