//! [`Socks5`]: SOCKS version 5 (RFC 1928) with user and password (RFC 1929).

use std::{mem, net::IpAddr};

use super::Destination;
use crate::proxy::{Proxy, ProxyProblem};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
/// The version of the exchange of user and password.
const PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// A greeting, credentials if the proxy asks for them, and a request, with their answers.
pub(in crate::proxy) struct Socks5 {
    output: Vec<u8>,
    /// The message with user and password.
    credentials: Option<Vec<u8>>,
    request: Vec<u8>,
    expected: Expected,
    /// The beginning of the expected answer.
    received: Vec<u8>,
}

/// The answer that comes next.
enum Expected {
    Method,
    PasswordStatus,
    Reply,
    /// None: the tunnel is open.
    Nothing,
}

impl Socks5 {
    pub(super) fn new(proxy: &Proxy, destination: Destination<'_>) -> Self {
        let credentials = proxy.own_credentials().map(|credentials| {
            let mut message = vec![PASSWORD_VERSION];
            for part in [&credentials.user, &credentials.password] {
                message.push(length(part));
                message.extend_from_slice(part);
            }
            message
        });
        let output = match credentials {
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, PASSWORD],
            None => vec![VERSION, 1, NO_AUTHENTICATION],
        };
        let (expected, received) = (Expected::Method, Vec::new());
        Self { output, credentials, request: request(destination), expected, received }
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        mem::take(&mut self.output)
    }

    pub(super) fn wanted(&self) -> usize {
        self.length().saturating_sub(self.received.len())
    }

    /// The length of the expected answer, as far as the received bytes show it.
    fn length(&self) -> usize {
        match (&self.expected, &self.received[..]) {
            (Expected::Method | Expected::PasswordStatus, _) => 2,
            // Some proxies send nothing more after a failure.
            (Expected::Reply, [] | [_]) => 2,
            (Expected::Reply, [_, _, _, IPV4, ..]) => 10,
            (Expected::Reply, [_, _, _, IPV6, ..]) => 22,
            (Expected::Reply, [_, _, _, _, name, ..]) => 7 + usize::from(*name),
            (Expected::Reply, [_, _, _, _]) => 5,
            (Expected::Reply, [_, _] | [_, _, _]) => 4,
            (Expected::Nothing, _) => 0,
        }
    }

    pub(super) fn input(&mut self, bytes: &[u8]) -> Result<(), ProxyProblem> {
        self.received.extend_from_slice(bytes);
        match (&self.expected, &self.received[..]) {
            (Expected::Method, [VERSION, method]) => {
                let method = *method;
                self.method(method)
            }
            (Expected::PasswordStatus, [_, 0]) => {
                self.send_request();
                Ok(())
            }
            (Expected::PasswordStatus, [_, _]) => Err(ProxyProblem::CredentialsRefused),
            (Expected::Method | Expected::Reply, [version, ..]) if *version != VERSION => {
                Err(ProxyProblem::Malformed)
            }
            (Expected::Reply, [_, reply, ..]) if *reply != 0 => {
                Err(ProxyProblem::SocksReply(*reply))
            }
            (Expected::Reply, [_, _, _, kind, ..]) if ![IPV4, NAME, IPV6].contains(kind) => {
                Err(ProxyProblem::Malformed)
            }
            (Expected::Reply, received) => {
                if received.len() == self.length() {
                    self.expected = Expected::Nothing;
                    self.received = Vec::new();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn method(&mut self, method: u8) -> Result<(), ProxyProblem> {
        self.received.clear();
        match (method, self.credentials.take()) {
            (NO_AUTHENTICATION, _) => self.send_request(),
            (PASSWORD, Some(message)) => {
                self.output = message;
                self.expected = Expected::PasswordStatus;
            }
            (NO_METHOD, None) => return Err(ProxyProblem::CredentialsMissing),
            (NO_METHOD, Some(_)) => {
                return Err(ProxyProblem::AuthenticationUnsupported(Vec::new()));
            }
            // A method that was not offered.
            _ => return Err(ProxyProblem::Malformed),
        }
        Ok(())
    }

    fn send_request(&mut self) {
        self.received.clear();
        self.output = mem::take(&mut self.request);
        self.expected = Expected::Reply;
    }
}

/// The request for a connection.
fn request(destination: Destination<'_>) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match destination {
        Destination::Address(address) => {
            push_address(&mut request, address.ip());
            address.port()
        }
        Destination::Host(host, port) => {
            // A zone has a meaning on this machine only.
            let host = host.split('%').next().unwrap_or_default();
            match host.parse() {
                Ok(address) => push_address(&mut request, address),
                Err(_) => {
                    request.extend([NAME, length(host.as_bytes())]);
                    request.extend_from_slice(host.as_bytes());
                }
            }
            port
        }
    };
    request.extend(port.to_be_bytes());
    request
}

fn push_address(request: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        IpAddr::V6(address) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
    }
}

/// The length as one byte. A [`Proxy`] limits credentials to 255 bytes, and a
/// [`Request`](crate::Request) limits a host to 253.
fn length(part: &[u8]) -> u8 {
    u8::try_from(part.len()).expect("the length was checked when the value was made")
}
