//! Requests from the types of the crates `url` and `http`.

#[cfg(any(feature = "http", feature = "url"))]
use super::{Request, RequestError};

#[cfg(feature = "url")]
impl TryFrom<&url::Url> for Request {
    type Error = RequestError;

    fn try_from(url: &url::Url) -> Result<Self, RequestError> {
        Self::new(url.as_str())
    }
}

#[cfg(feature = "url")]
impl TryFrom<url::Url> for Request {
    type Error = RequestError;

    fn try_from(url: url::Url) -> Result<Self, RequestError> {
        Self::try_from(&url)
    }
}

#[cfg(feature = "http")]
impl TryFrom<&http::Uri> for Request {
    type Error = RequestError;

    fn try_from(uri: &http::Uri) -> Result<Self, RequestError> {
        Self::new(&uri.to_string())
    }
}

#[cfg(feature = "http")]
impl TryFrom<http::Uri> for Request {
    type Error = RequestError;

    fn try_from(uri: http::Uri) -> Result<Self, RequestError> {
        Self::try_from(&uri)
    }
}

/// The URI, the header fields and the offered subprotocols of the request.
///
/// The handshake writes `Upgrade`, `Connection`, `Sec-WebSocket-Key` and `Sec-WebSocket-Version`
/// itself, with a fresh key for each attempt. Requests of other clients already contain these
/// fields, so they are left out. `Sec-WebSocket-Protocol` becomes the subprotocols. Any other
/// reserved field is an error, and so is another method than `GET`.
#[cfg(feature = "http")]
impl TryFrom<&http::Request<()>> for Request {
    type Error = RequestError;

    fn try_from(request: &http::Request<()>) -> Result<Self, RequestError> {
        if request.method() != http::Method::GET {
            return Err(RequestError::Method);
        }
        let mut result = Self::try_from(request.uri())?;
        for (name, value) in request.headers() {
            match name.as_str() {
                "upgrade" | "connection" | "sec-websocket-key" | "sec-websocket-version" => {}
                "sec-websocket-protocol" => {
                    let offered = value.to_str().map_err(|_| RequestError::Subprotocol)?;
                    for protocol in offered.split(',').map(str::trim) {
                        result = result.subprotocol(protocol)?;
                    }
                }
                name => result = result.header(name, value)?,
            }
        }
        Ok(result)
    }
}

#[cfg(feature = "http")]
impl TryFrom<http::Request<()>> for Request {
    type Error = RequestError;

    fn try_from(request: http::Request<()>) -> Result<Self, RequestError> {
        Self::try_from(&request)
    }
}

#[cfg(feature = "http")]
impl Request {
    /// Adds all fields of a map, as [`header`](Self::header) does.
    ///
    /// # Errors
    ///
    /// Those of [`header`](Self::header), for the first field that is not valid.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
    /// use websocket_heartbeat_tungstenite::Request;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
    /// let request = Request::new("ws://example.org/feed")?.headers(&headers)?;
    /// # Ok::<(), websocket_heartbeat_tungstenite::RequestError>(())
    /// ```
    pub fn headers(self, headers: &http::HeaderMap) -> Result<Self, RequestError> {
        headers.iter().try_fold(self, |request, (name, value)| request.header(name.as_str(), value))
    }
}

#[cfg(all(test, any(feature = "http", feature = "url")))]
mod tests {
    use super::*;

    #[cfg(feature = "url")]
    #[test]
    fn a_url_becomes_a_request_or_a_typed_error() {
        let parse = |url: &str| url::Url::parse(url).unwrap();
        let request = Request::try_from(parse("ws://me:pw@example.org:81/feed?x=1")).unwrap();
        assert_eq!(request.to_string(), "ws://example.org:81/..");
        assert_eq!(Request::try_from(&parse("http://example.org")), Err(RequestError::Scheme));
        assert_eq!(Request::try_from(parse("ws://example.org/#top")), Err(RequestError::Fragment));
    }

    #[cfg(feature = "http")]
    mod http_types {
        use http::{HeaderMap, HeaderValue, Uri};

        use super::*;

        fn sent(request: &Request) -> String {
            String::from_utf8(request.to_bytes("KEY")).unwrap()
        }

        fn built(fields: &[(&str, &str)]) -> http::Request<()> {
            let mut builder = http::Request::builder().uri("ws://example.org:81/feed");
            for (name, value) in fields {
                builder = builder.header(*name, *value);
            }
            builder.body(()).unwrap()
        }

        #[test]
        fn a_uri_becomes_a_request_or_a_typed_error() {
            let request = Request::try_from(Uri::from_static("ws://example.org:81/feed")).unwrap();
            assert_eq!((request.host(), request.port()), ("example.org", 81));
            assert!(sent(&request).starts_with("GET /feed HTTP/1.1\r\n"));
            for uri in ["https://example.org/", "/feed"] {
                let refused = Request::try_from(&Uri::from_static(uri));
                assert_eq!(refused, Err(RequestError::Scheme), "{uri}");
            }
        }

        #[test]
        fn the_handshake_of_another_client_is_replaced_by_ours() {
            let request = built(&[
                ("Host", "example.org:81"),
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "theirs"),
                ("Sec-WebSocket-Protocol", "v2, v1"),
                ("X-A", "b"),
            ]);
            let ours = Request::new("ws://example.org:81/feed").unwrap();
            let ours = ours.header("host", "example.org:81").unwrap();
            let ours = ours.subprotocol("v2").unwrap().subprotocol("v1").unwrap();
            let ours = ours.header("x-a", "b").unwrap();
            assert_eq!(sent(&Request::try_from(request).unwrap()), sent(&ours));
        }

        #[test]
        fn a_request_that_cannot_be_sent_is_a_typed_error() {
            let refused = |fields: &[(&str, &str)]| Request::try_from(built(fields)).unwrap_err();
            let reserved = |name: &str| RequestError::HeaderReserved(name.into());
            assert_eq!(refused(&[("TE", "trailers")]), reserved("te"));
            let extension = [("Sec-WebSocket-Extensions", "permessage-deflate")];
            assert_eq!(refused(&extension), reserved("sec-websocket-extensions"));
            assert_eq!(refused(&[("Sec-WebSocket-Protocol", "a b")]), RequestError::Subprotocol);
            let mut post = built(&[]);
            *post.method_mut() = http::Method::POST;
            assert_eq!(Request::try_from(post), Err(RequestError::Method));
        }

        #[test]
        fn a_map_of_header_fields_is_added_or_refused() {
            let mut headers = HeaderMap::new();
            headers.append("x-a", HeaderValue::from_static("1"));
            headers.append("x-a", HeaderValue::from_static("2"));
            let request = Request::new("ws://example.org/").unwrap().headers(&headers).unwrap();
            assert!(sent(&request).contains("x-a: 1\r\nx-a: 2\r\n"), "{}", sent(&request));
            headers.insert("host", HeaderValue::from_bytes(b"\xff").unwrap());
            let refused = Request::new("ws://example.org/").unwrap().headers(&headers);
            assert_eq!(refused, Err(RequestError::HeaderValue("host".into())));
        }
    }
}
