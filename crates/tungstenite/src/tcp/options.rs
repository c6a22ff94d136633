//! [`SocketOptions`]: options of a TCP socket.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use super::AsSocket;

/// Options of the TCP sockets that a [`Network`](crate::Network) opens.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat_tungstenite::{Dialer, SocketOptions};
///
/// let options = SocketOptions::new()
///     .keepalive(Some(Duration::from_secs(60)))
///     .user_timeout(Some(Duration::from_secs(30)));
/// let dialer = Dialer::new().socket_options(options);
/// # let _ = dialer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    nodelay: bool,
    keepalive: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_retries: Option<u32>,
    user_timeout: Option<Duration>,
    unsent_limit: Option<usize>,
    linger: Option<Duration>,
}

impl SocketOptions {
    /// The defaults: no Nagle's algorithm, a reset on drop, and the system's values for the rest.
    pub const fn new() -> Self {
        Self {
            nodelay: true,
            keepalive: None,
            keepalive_interval: None,
            keepalive_retries: None,
            user_timeout: None,
            unsent_limit: None,
            linger: Some(Duration::ZERO),
        }
    }

    /// Sets whether Nagle's algorithm is off (`TCP_NODELAY`).
    ///
    /// The default is `true`: the supervisor already gathers messages into few writes, so the
    /// algorithm would only delay them.
    #[must_use]
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets after how much silence the system sends TCP keepalive probes (`SO_KEEPALIVE` and
    /// `TCP_KEEPIDLE`). Systems have whole seconds, and refuse zero.
    ///
    /// The default is `None`, no probes: heartbeats do the same, and they also test the server
    /// behind a proxy.
    #[must_use]
    pub const fn keepalive(mut self, silence: Option<Duration>) -> Self {
        self.keepalive = silence;
        self
    }

    /// Sets the time between two keepalive probes that are not answered (`TCP_KEEPINTVL`), in whole
    /// seconds. It has an effect with [`keepalive`](Self::keepalive) only, on Linux, Android,
    /// macOS, iOS, FreeBSD, NetBSD and Windows.
    ///
    /// The default is `None`, the system's value, for example 75 s on Linux.
    #[must_use]
    pub const fn keepalive_interval(mut self, interval: Option<Duration>) -> Self {
        self.keepalive_interval = interval;
        self
    }

    /// Sets how many keepalive probes without an answer end the connection (`TCP_KEEPCNT`). It has
    /// an effect with [`keepalive`](Self::keepalive) only, on the same systems as
    /// [`keepalive_interval`](Self::keepalive_interval), on Windows since version 10 1703.
    ///
    /// The default is `None`, the system's value, for example 9 on Linux.
    #[must_use]
    pub const fn keepalive_retries(mut self, count: Option<u32>) -> Self {
        self.keepalive_retries = count;
        self
    }

    /// Sets how long sent bytes may stay unacknowledged before the system closes the connection
    /// (`TCP_USER_TIMEOUT`). It has an effect on Linux and Android only.
    ///
    /// The default is `None`, the system's value: the heartbeat's timeout is usually shorter.
    #[must_use]
    pub const fn user_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.user_timeout = timeout;
        self
    }

    /// Sets how many unsent bytes the system buffers (`TCP_NOTSENT_LOWAT`). It has an effect on
    /// Linux and Android only. Zero is taken as one byte.
    ///
    /// The default is `None`, the system's value: the system buffers up to some megabytes.
    ///
    /// With a limit, a message waits behind fewer others, and fewer messages are lost in a
    /// connection that is silently dead. The limit costs time: with 64 KiB, uploads on loopback
    /// took a tenth more CPU time for messages of 128 bytes, and 30 to 45 % more for those of 16 to
    /// 64 KiB. It is not needed to distinguish a slow upload from a dead connection, see
    /// [`unacknowledged`](super::unacknowledged).
    #[must_use]
    pub const fn unsent_limit(mut self, bytes: Option<usize>) -> Self {
        self.unsent_limit = bytes;
        self
    }

    /// Sets the treatment of undelivered bytes when an open connection is dropped (`SO_LINGER`).
    ///
    /// The default is zero: the bytes are discarded and the connection is reset, so that no bytes
    /// of an old connection are delivered later. With `None` the system delivers them in the
    /// background. Any other value can block the thread that drops the connection for that time.
    ///
    /// The option is set when the WebSocket handshake is complete: before that, TLS alerts must
    /// still be delivered. A connection that was [shut down](super::shutdown) always delivers.
    #[must_use]
    pub const fn linger(mut self, linger: Option<Duration>) -> Self {
        self.linger = linger;
        self
    }

    /// Applies these options, except [`linger`](Self::linger), to a socket that has just connected.
    /// Implementations of [`Network::open`](crate::Network::open) call this.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if the socket is connected to
    /// itself. This happens if the server does not run and the kernel selects the server's port as
    /// the port of the client. The client would send to itself and occupy the server's port.
    ///
    /// The system's error if it does not accept an option.
    pub fn apply(&self, socket: &impl AsSocket) -> io::Result<()> {
        let socket = SockRef::from(socket);
        // Unix domain sockets have none of these options.
        let Some(own) = socket.local_addr()?.as_socket() else { return Ok(()) };
        if socket.peer_addr()?.as_socket() == Some(own) {
            // Otherwise the port stays occupied for some minutes (TIME_WAIT).
            socket.set_linger(Some(Duration::ZERO))?;
            return Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "no server listens on this port: the socket was connected to itself",
            ));
        }
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(silence) = self.keepalive {
            socket.set_tcp_keepalive(&self.probes(silence))?;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            if self.user_timeout.is_some() {
                socket.set_tcp_user_timeout(self.user_timeout)?;
            }
            if let Some(bytes) = self.unsent_limit {
                // Zero would mean the system's own limit.
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
                socket.set_tcp_notsent_lowat(bytes)?;
            }
        }
        Ok(())
    }

    /// Keepalive probes after this silence.
    fn probes(&self, silence: Duration) -> TcpKeepalive {
        let probes = TcpKeepalive::new().with_time(silence);
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_os = "macos",
            target_os = "ios",
            target_os = "freebsd",
            target_os = "netbsd",
            windows,
        ))]
        let probes = {
            let probes = match self.keepalive_interval {
                Some(interval) => probes.with_interval(interval),
                None => probes,
            };
            match self.keepalive_retries {
                Some(count) => probes.with_retries(count),
                None => probes,
            }
        };
        probes
    }

    /// Applies [`linger`](Self::linger), once the WebSocket handshake is complete. Transports call
    /// this. An error leaves the socket unchanged, which is harmless.
    pub fn apply_linger(&self, socket: &impl AsSocket) {
        let _ = SockRef::from(socket).set_linger(self.linger);
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use socket2::{Domain, SockAddr, Socket, Type};

    use super::*;

    fn bound(port: u16) -> io::Result<(Socket, SockAddr)> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_connected_to_itself_is_refused() {
        let (socket, address) = bound(0).unwrap();
        socket.connect(&address).unwrap();
        let error = SocketOptions::new().apply(&socket).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        drop(socket);
        // Its port is free for a server.
        bound(address.as_socket().unwrap().port()).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_keepalive_of_zero_is_the_error_of_the_system() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let options = SocketOptions::new().keepalive(Some(Duration::ZERO));
        let error = options.apply(&stream).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn options_that_are_set_reach_the_socket() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let applied = |options: SocketOptions| {
            let stream = TcpStream::connect(address).unwrap();
            options.apply(&stream).unwrap();
            Socket::from(stream)
        };
        let new = SocketOptions::new();
        let default = applied(new).tcp_notsent_lowat().unwrap();
        for (limit, set) in
            [(None, default), (Some(5_000), 5_000), (Some(0), 1), (Some(usize::MAX), u32::MAX)]
        {
            assert_eq!(applied(new.unsent_limit(limit)).tcp_notsent_lowat().unwrap(), set);
        }
        let minute = Duration::from_secs(60);
        assert!(!applied(new).keepalive().unwrap());
        assert_eq!(applied(new.keepalive(Some(minute))).tcp_keepalive_time().unwrap(), minute);
        let probes = new
            .keepalive(Some(minute))
            .keepalive_interval(Some(Duration::from_secs(7)))
            .keepalive_retries(Some(4));
        let probes = applied(probes);
        assert_eq!(probes.tcp_keepalive_time().unwrap(), minute);
        assert_eq!(probes.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
        assert_eq!(probes.tcp_keepalive_retries().unwrap(), 4);
        // Without `keepalive` there are no probes, so their interval has no effect.
        let none = applied(new.keepalive_interval(Some(Duration::from_secs(7))));
        assert!(!none.keepalive().unwrap());
        assert_eq!(applied(new).tcp_user_timeout().unwrap(), None);
        assert_eq!(
            applied(new.user_timeout(Some(minute))).tcp_user_timeout().unwrap(),
            Some(minute)
        );
        assert!(applied(new).tcp_nodelay().unwrap());
        assert!(!applied(new.nodelay(false)).tcp_nodelay().unwrap());
    }
}
