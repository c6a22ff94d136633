//! [`transport_error`]: an error of tungstenite as a [`TransportError`].

use tungstenite::{
    Error as WsError,
    error::{ProtocolError, UrlError},
    http::{self, Response},
};
use websocket_heartbeat::{ErrorKind, Headers, HttpAnswer, TransportError};

use crate::{error, handshake::retry_after, request::repeated_forms};

/// Converts an error of tungstenite, also one of its own opening handshake, so that verdicts, logs
/// and `Retry-After` work as with the transports of the backends.
///
/// `secrets` are the parts of the request that the message must not show if the server repeats
/// them: the path with the query, credentials, header values. Their decoded forms are hidden, too.
/// An empty slice is for requests without secrets. See [`TransportError::http_hiding`].
///
/// | error of tungstenite | kind |
/// |---|---|
/// | `Http` | [`Http`](ErrorKind::Http), with status, header fields, body and `Retry-After` |
/// | `Io` | by the error: [`Refused`](ErrorKind::Refused), [`Unreachable`](ErrorKind::Unreachable), [`Reset`](ErrorKind::Reset), [`Ended`](ErrorKind::Ended), [`Timeout`](ErrorKind::Timeout), or that of the TLS error in it |
/// | `Tls` | [`Certificate`](ErrorKind::Certificate), [`CertificateTime`](ErrorKind::CertificateTime) or [`Tls`](ErrorKind::Tls) |
/// | `ConnectionClosed`, `AlreadyClosed`, an end without a close frame or during the upgrade | [`Ended`](ErrorKind::Ended) |
/// | `Capacity`, `WriteBufferFull` | [`TooLarge`](ErrorKind::TooLarge) |
/// | other cases of `Protocol`, `Utf8`, `AttackAttempt`, `HttpFormat` of the answer | [`Protocol`](ErrorKind::Protocol) |
/// | `Url`, `HttpFormat` of the URL | [`Url`](ErrorKind::Url) |
///
/// The URL in the error `UnableToConnect` is not kept, because it can contain a secret.
///
/// ```
/// use tungstenite::{Error, error::ProtocolError};
/// use websocket_heartbeat::ErrorKind;
/// use websocket_heartbeat_tungstenite::adapter::transport_error;
///
/// let error = Error::Protocol(ProtocolError::ResetWithoutClosingHandshake);
/// assert_eq!(transport_error(error, &[]).kind(), ErrorKind::Ended);
/// ```
pub fn transport_error(error: WsError, secrets: &[&[u8]]) -> TransportError {
    match error {
        WsError::Http(response) => refusal(&response, secrets),
        WsError::HttpFormat(error) => {
            let is_url =
                error.is::<http::uri::InvalidUri>() || error.is::<http::uri::InvalidUriParts>();
            let kind = if is_url { ErrorKind::Url } else { ErrorKind::Protocol };
            TransportError::from_source(kind, error)
        }
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => TransportError::new(
            ErrorKind::Ended,
            "the server ended the connection before its answer to the upgrade was complete",
        ),
        WsError::Url(UrlError::UnableToConnect(_)) => {
            TransportError::new(ErrorKind::Unreachable, "no address of the host can be reached")
        }
        WsError::Url(UrlError::TlsFeatureNotEnabled) => TransportError::new(
            ErrorKind::Url,
            "wss:// needs a feature of tungstenite or of the crate that uses it, for example \
             `native-tls`",
        ),
        error => error::from_tungstenite(error),
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>, secrets: &[&[u8]]) -> TransportError {
    let fields = response.headers().iter();
    let headers: Headers = fields.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let wait = retry_after(&headers);
    let body = response.body().as_deref().unwrap_or_default();
    let answer = HttpAnswer::new(response.status().as_u16(), headers, body);
    let secrets: Vec<_> = secrets.iter().flat_map(|secret| repeated_forms(secret)).collect();
    let secrets: Vec<_> = secrets.iter().map(|secret| &**secret).collect();
    TransportError::http_hiding(answer, wait, &secrets)
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use tungstenite::{Message, client::IntoClientRequest, error::CapacityError};

    use super::*;

    fn kind(error: impl Into<WsError>) -> ErrorKind {
        transport_error(error.into(), &[]).kind()
    }

    #[test]
    fn each_error_of_tungstenite_has_its_kind() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        assert_eq!(kind(io(io::ErrorKind::ConnectionRefused)), ErrorKind::Refused);
        assert_eq!(kind(io(io::ErrorKind::ConnectionReset)), ErrorKind::Reset);
        let certificate = io::Error::other("certificate verify failed: has expired");
        assert_eq!(kind(certificate), ErrorKind::CertificateTime);
        assert_eq!(kind(WsError::ConnectionClosed), ErrorKind::Ended);
        assert_eq!(kind(WsError::AlreadyClosed), ErrorKind::Ended);
        assert_eq!(kind(ProtocolError::HandshakeIncomplete), ErrorKind::Ended);
        assert_eq!(kind(ProtocolError::ResetWithoutClosingHandshake), ErrorKind::Ended);
        assert_eq!(kind(CapacityError::TooManyHeaders), ErrorKind::TooLarge);
        let full = WsError::WriteBufferFull(Box::new(Message::text("more")));
        assert_eq!(kind(full), ErrorKind::TooLarge);
        assert_eq!(kind(ProtocolError::SecWebSocketAcceptKeyMismatch), ErrorKind::Protocol);
        assert_eq!(kind(WsError::Utf8(String::new())), ErrorKind::Protocol);
        assert_eq!(kind(WsError::AttackAttempt), ErrorKind::Protocol);
        assert_eq!(kind(UrlError::UnsupportedUrlScheme), ErrorKind::Url);
        assert_eq!(kind(UrlError::TlsFeatureNotEnabled), ErrorKind::Url);
        assert_eq!(kind("ws://[".into_client_request().unwrap_err()), ErrorKind::Url);
        let status = http::StatusCode::from_u16(0).unwrap_err();
        assert_eq!(kind(status), ErrorKind::Protocol);
    }

    #[test]
    fn a_refusal_keeps_the_answer_and_hides_secrets() {
        let answer = Response::builder()
            .status(503)
            .header("Retry-After", "7")
            .body(Some(b"Cannot GET /feed/4d1c0ffee".to_vec()));
        let error = WsError::Http(Box::new(answer.unwrap()));
        let error = transport_error(error, &[b"/feed/4d1c0ffee"]);
        assert_eq!(error.kind(), ErrorKind::Http);
        assert_eq!(error.http_status(), Some(503));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.http_answer().unwrap().headers.get("retry-after"), Some("7"));
        assert!(error.to_string().ends_with(r#": "Cannot GET ..""#), "{error}");
        assert_eq!(&*error.http_answer().unwrap().body, b"Cannot GET /feed/4d1c0ffee");
    }

    #[test]
    fn decoded_secrets_are_hidden_too() {
        let secrets: [&[u8]; 3] =
            [b"/feed/4d1c%2Dc0ffee%20x", b"Basic bWU6MGRkYmExMTU=", b"id=7e57%2Bab1e"];
        let body = "/feed/4d1c-c0ffee x, user me:0ddba115, session 7e57+ab1e";
        let answer = Response::builder().status(403).body(Some(body.into())).unwrap();
        let words = transport_error(WsError::Http(Box::new(answer)), &secrets).to_string();
        assert!(words.ends_with(r#": ".., user .., session ..""#), "{words}");
    }

    #[test]
    fn texts_in_errors_of_tungstenite_are_not_shown() {
        let secret = || "ws://example.org/?token=4d1c0ffee".to_owned();
        for error in [
            UrlError::UnableToConnect(secret()).into(),
            WsError::Utf8(secret()),
            WsError::WriteBufferFull(Box::new(Message::text(secret()))),
        ] {
            assert!(format!("{error:?}").contains("4d1c0ffee"));
            let error = transport_error(error, &[]);
            let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
            assert!(!shown.contains("4d1c0ffee"), "{shown}");
        }
    }
}
