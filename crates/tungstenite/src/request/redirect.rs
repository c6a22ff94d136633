//! [`RedirectError`], and the request that follows a redirect of the upgrade.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use super::{
    Parts, Request, RequestError, may_be_secret,
    url::{Url, encoded},
};

/// The reason why a redirect of the upgrade was not followed, although
/// [`Dialer::redirects`](crate::Dialer::redirects) allows redirects.
///
/// It is the source of a [`TransportError`](websocket_heartbeat::TransportError) of the kind
/// [`Http`](websocket_heartbeat::ErrorKind::Http), which has the answer of the server. No variant
/// contains a part of a URL: it can be a secret token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// There were more redirects in one attempt than this limit: a loop, or a limit that is too
    /// low.
    TooMany(u8),
    /// The redirect leads from `wss` to `ws`, so the request would be sent without encryption.
    Insecure,
    /// The redirect has a user name or a password. RFC 9110 section 4.2.4 forbids that.
    Credentials,
    /// The target of the redirect is longer than 8,000 bytes. RFC 9110 section 4.1 recommends to
    /// support that length. Error messages hide the target, which takes time for longer ones.
    TooLong,
    /// The target of the redirect is not a valid URL. Its scheme can be `ws`, `wss`, `http` or
    /// `https`.
    Location(RequestError),
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(limit) => write!(
                f,
                "the upgrade was redirected more than {limit} times in one attempt"
            ),
            Self::Insecure => f.write_str(
                "the server redirects the upgrade from wss to ws, which is never followed: it would \
                 be sent without encryption",
            ),
            Self::Credentials => f.write_str(
                "the server redirects the upgrade to a URL with a user name or a password, which is \
                 not followed",
            ),
            Self::TooLong => write!(
                f,
                "the server redirects the upgrade to a URL of more than {MAX_LOCATION} bytes, which \
                 is not followed"
            ),
            Self::Location(error) => {
                write!(f, "the server redirects the upgrade to a URL that cannot be used: {error}")
            }
        }
    }
}

impl Error for RedirectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Location(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RequestError> for RedirectError {
    fn from(error: RequestError) -> Self {
        Self::Location(error)
    }
}

/// The limit on the bytes of a target, see [`RedirectError::TooLong`].
const MAX_LOCATION: usize = 8_000;

impl Request {
    /// The request to which the `Location` of an answer to this request leads.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, RedirectError> {
        if location.len() > MAX_LOCATION {
            return Err(RedirectError::TooLong);
        }
        // A fragment is allowed here (RFC 9110 section 10.2.2). It is not sent.
        let location = location.split('#').next().unwrap_or_default();
        let scheme = if self.is_tls() { "wss" } else { "ws" };
        let url = match location.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => format!("{}://{rest}", socket(scheme)),
            _ if location.starts_with("//") => format!("{scheme}:{location}"),
            // A scheme without an authority, such as `mailto:`.
            _ if location.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) => {
                return Err(RequestError::Scheme.into());
            }
            _ => {
                // The rules for characters are those of a whole URL.
                Url::parse(&format!("ws://h/{location}"))?;
                return Ok(self.with_target(&resolved(&self.shared.target, location)));
            }
        };
        let Url { tls, host, port, authority, target, authorization } = Url::parse(&url)?;
        if authorization.is_some() {
            return Err(RedirectError::Credentials);
        }
        if self.is_tls() && !tls {
            return Err(RedirectError::Insecure);
        }
        if (tls, port, &*host) == (self.is_tls(), self.port(), self.host()) {
            return Ok(self.with_target(&target));
        }
        let headers = self.shared.headers.iter();
        let headers =
            headers.filter(|field| !may_be_secret(field) && !field.is("host")).cloned().collect();
        let parts = Parts {
            tls,
            port,
            host: host.into(),
            authority: authority.into(),
            target: without_dots(&target).into(),
            headers,
            subprotocols: self.shared.subprotocols.clone(),
            more_secrets: self.all_secrets(),
        };
        Ok(Self { shared: Arc::new(parts) })
    }

    /// The same request for another path and query of the same origin.
    fn with_target(&self, target: &str) -> Self {
        let target = encoded(&without_dots(target)).into();
        let more_secrets = self.all_secrets();
        Self { shared: Arc::new(Parts { target, more_secrets, ..Parts::clone(&self.shared) }) }
    }

    /// The secrets of this request, for the next one: its server may know and repeat them.
    fn all_secrets(&self) -> Vec<Box<[u8]>> {
        let mut parts: Vec<Box<[u8]>> = self.secret_parts().map(Into::into).collect();
        parts.sort();
        parts.dedup();
        parts
    }
}

/// Whether the text is a scheme (RFC 3986 section 3.1).
fn is_scheme(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(allowed)
}

/// The scheme of WebSocket that belongs to a scheme of HTTP. Servers redirect an upgrade to the
/// latter, as any request.
fn socket(scheme: &str) -> &str {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => "ws",
        _ if scheme.eq_ignore_ascii_case("https") => "wss",
        _ => scheme,
    }
}

/// Path and query of a reference without scheme and authority (RFC 3986 section 5.2.2).
fn resolved<'a>(base: &'a str, reference: &'a str) -> Cow<'a, str> {
    let path = base.split('?').next().unwrap_or_default();
    match reference.bytes().next() {
        None => base.into(),
        Some(b'/') => reference.into(),
        Some(b'?') => format!("{path}{reference}").into(),
        Some(_) => {
            let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
            format!("{folder}{reference}").into()
        }
    }
}

/// Removes the segments `.` and `..` of a path (RFC 3986 section 5.2.4). A query is not changed.
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, location: &str) -> Result<String, RedirectError> {
        let request = Request::for_stream(url).unwrap().redirected(location)?;
        let bytes = String::from_utf8(request.to_bytes("")).unwrap();
        let path = bytes.split(' ').nth(1).unwrap().to_owned();
        let scheme = if request.is_tls() { "wss" } else { "ws" };
        Ok(format!("{scheme}://{}{path}", request.shared.authority))
    }

    #[test]
    fn relative_references_are_resolved_as_in_the_rfc() {
        // RFC 3986 section 5.4, without those about other schemes and fragments.
        for (reference, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("g?y#s", "/b/c/g?y"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("./g/.", "/b/c/g/"),
            ("g/./h", "/b/c/g/h"),
            ("g/../h", "/b/c/h"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g?u=http://x/", "/b/c/g?u=http://x/"),
            ("a b", "/b/c/a%20b"),
        ] {
            let wanted = format!("ws://a{path}");
            assert_eq!(target("ws://a/b/c/d;p?q", reference).as_ref(), Ok(&wanted), "{reference}");
        }
        assert_eq!(target("ws://a", "g").unwrap(), "ws://a/g");
    }

    #[test]
    fn absolute_targets_may_have_the_schemes_of_http() {
        for (location, wanted) in [
            ("ws://other/x", "ws://other/x"),
            ("http://other:8080/x/../y?z", "ws://other:8080/y?z"),
            ("HTTPS://other", "wss://other/"),
            ("//other/x", "ws://other/x"),
            ("http://a:80/x", "ws://a/x"),
        ] {
            assert_eq!(target("ws://a/b", location).unwrap(), wanted, "{location}");
        }
        assert_eq!(target("wss://a:444/b", "//other").unwrap(), "wss://other/");
    }

    #[test]
    fn targets_that_are_not_safe_or_not_valid_are_refused() {
        for (location, wanted) in [
            ("ws://a/b", RedirectError::Insecure),
            ("http://a/b", RedirectError::Insecure),
            ("https://me:hush@other/", RedirectError::Credentials),
            ("ftp://a/", RequestError::Scheme.into()),
            ("mailto:me", RequestError::Scheme.into()),
            ("https://", RequestError::Host.into()),
            ("https://a:0/", RequestError::Port.into()),
            ("/a\u{7f}", RequestError::Malformed.into()),
            ("//a\\@b/", RequestError::Malformed.into()),
            (&"/".repeat(8_001), RedirectError::TooLong),
        ] {
            let error = target("wss://a/b", location).unwrap_err();
            assert_eq!(error, wanted, "{location}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        let longest = format!("/{}", "x".repeat(7_999));
        assert_eq!(target("wss://a/b", &longest), Ok(format!("wss://a{longest}")));
    }

    #[test]
    fn only_public_fields_go_to_another_origin() {
        let request = Request::for_stream("ws://me:hush@a/b").unwrap();
        let request = request
            .header("Cookie", "c")
            .and_then(|r| r.header("X-Key", "k"))
            .and_then(|r| r.header("Host", "h"))
            .and_then(|r| r.header("Origin", "http://o"))
            .and_then(|r| r.header("User-Agent", "u"))
            .and_then(|r| r.subprotocol("v2"))
            .unwrap();
        let fields = |request: &Request| {
            let bytes = String::from_utf8(request.to_bytes("")).unwrap();
            let names = bytes.lines().skip(1).filter_map(|line| line.split_once(": "));
            let names = names.map(|(name, value)| format!("{name}={value}"));
            names
                .filter(|field| {
                    !field.contains("pgrade")
                        && !field.contains("-Key=")
                        && !field.contains("Version")
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        let same = "Host=h Sec-WebSocket-Protocol=v2 Authorization=Basic bWU6aHVzaA== Cookie=c \
                    Origin=http://o User-Agent=u";
        for location in ["/x", "x", "//a/x", "http://a:80/x", "ws://A/"] {
            let next = request.redirected(location).unwrap();
            assert_eq!(fields(&next), same, "{location}");
            assert!(String::from_utf8(next.to_bytes("")).unwrap().contains("X-Key: k"));
        }
        for (location, host) in [
            ("http://b/x", "b"),
            ("http://a:81/x", "a:81"),
            ("https://a/x", "a"),
            ("//a.b/", "a.b"),
        ] {
            let other =
                format!("Host={host} Sec-WebSocket-Protocol=v2 Origin=http://o User-Agent=u");
            let next = request.redirected(location).unwrap();
            assert_eq!(fields(&next), other, "{location}");
            // They do not come back either.
            let back = next.redirected("wss://a/b").unwrap();
            assert!(!fields(&back).contains("Cookie"));
        }
    }
}
