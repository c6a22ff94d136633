//! The HTTP answer of a server that refuses the upgrade: [`HttpAnswer`].

mod echo;

pub use self::echo::without_echo;

use std::fmt;

use crate::{headers::Headers, printable::printable};

/// The HTTP response of a server that refused the upgrade, so one that is not
/// `101 Switching Protocols`.
///
/// `Debug` shows the names of the header fields and the length of the body, not their contents.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The beginning of the body, at most [`HttpAnswer::BODY_LIMIT`] bytes.
    pub body: Box<[u8]>,
}

/// How many characters of a body or of the target of a redirect an error message shows: about two
/// lines of a terminal.
const SHOWN: usize = 120;

impl HttpAnswer {
    /// How many bytes of the body are kept: enough for an error page that people can read, and a
    /// bound against a server that never stops sending.
    pub const BODY_LIMIT: usize = 4096;

    /// Makes an answer. Keeps the first [`BODY_LIMIT`](Self::BODY_LIMIT) bytes of `body`.
    pub fn new(status: u16, headers: Headers, body: &[u8]) -> Self {
        Self { status, headers, body: body[..body.len().min(Self::BODY_LIMIT)].into() }
    }

    /// Returns one sentence for people: the answer, its meaning, and what helps. Parts of `secrets`
    /// that the server repeats are hidden.
    pub(crate) fn message(&self, secrets: &[&[u8]]) -> String {
        let status = self.status;
        let said = format!("the server answered the upgrade with HTTP status {status}");
        if let (300..400, Some(target)) = (status, self.headers.get("location")) {
            let target = shown(&without_secrets(target, secrets));
            return format!("{said}, a redirect to {target}, which is not followed: use that URL");
        }
        if status == 400 && self.wants_tls() {
            return format!("{said}: this port speaks TLS, use wss:// instead of ws://");
        }
        let meaning = meaning(status).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
        let line = match status {
            // Its words are those of the server, and not of this crate.
            400.. => self.first_line(secrets).map(quoted).unwrap_or_default(),
            _ => String::new(),
        };
        format!("{said}{meaning}{line}")
    }

    /// Returns whether the body says that a port for HTTPS received plain HTTP. nginx, Apache and Go
    /// have such a page.
    fn wants_tls(&self) -> bool {
        let body = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        body.contains("http request")
            && (body.contains("https port") || body.contains("https server"))
            || body.contains("plain http") && body.contains("ssl-enabled")
    }

    /// Returns the first line of the body that is not empty. The tags of HTML are removed.
    fn first_line(&self, secrets: &[&[u8]]) -> Option<String> {
        // A compressed body is not readable here.
        if self.headers.get("content-encoding").is_some_and(|coding| coding != "identity") {
            return None;
        }
        // The limit on the body may cut the last character. Elsewhere the body must be UTF-8.
        let mut chunks = self.body.utf8_chunks();
        let text = chunks.next()?.valid();
        if chunks.next().is_some() {
            return None;
        }
        let is_html = text.trim_start().starts_with('<');
        let plain = if is_html { without_tags(text) } else { text.to_owned() };
        let line = plain.lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(shown(&hidden(line, secrets)))
    }
}

/// Returns the most likely reason for a status, unless it is obvious.
fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        200..300 => "there is no WebSocket at this path",
        401 => "the credentials are missing or not accepted",
        403 => "not allowed with these credentials or this Origin",
        404 => "there is no WebSocket at this path",
        407 => "a proxy requires credentials",
        410 => "gone forever",
        426 => "the server requires another protocol or version",
        429 => "too many requests",
        502..505 => "the server behind a proxy is not available",
        _ => return None,
    })
}

/// Returns the text after a colon, in quotes that no quotes in it end.
fn quoted(text: String) -> String {
    format!(": \"{}\"", text.replace('"', "'"))
}

/// Returns the beginning of a text, made printable.
fn shown(text: &str) -> String {
    let line = printable(text);
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", &line[..end]),
        None => line.into_owned(),
    }
}

/// Returns the beginning of a text, without the parts of `secrets` that it repeats. Four times the
/// shown length is enough, since each hidden part leaves two characters.
fn hidden(text: &str, secrets: &[&[u8]]) -> String {
    let end = text.char_indices().nth(4 * SHOWN).map_or(text.len(), |(end, _)| end);
    String::from_utf8_lossy(&without_echo(&text.as_bytes()[..end], secrets)).into_owned()
}

/// Returns a URL without credentials, query and fragment, since they may be tokens. Host and path
/// are shown without the parts of `secrets` that they repeat: the path ends with `..` there.
fn without_secrets(url: &str, secrets: &[&[u8]]) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match plain.find("//") {
        Some(at) => plain.split_at(at + 2),
        None => ("", plain),
    };
    let authority = if scheme.is_empty() { 0 } else { rest.find('/').unwrap_or(rest.len()) };
    let begin = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let (host, path) = rest[begin..].split_at(authority - begin);
    let host = hidden(host, secrets);
    let hidden = hidden(path, secrets);
    let same = path.chars().zip(hidden.chars()).take_while(|(a, b)| a == b);
    let (shown, rest) = path.split_at(same.map(|(c, _)| c.len_utf8()).sum());
    let nothing_hidden = shown.len() == hidden.len();
    let end = match (nothing_hidden, plain.len() < url.len()) {
        (true, true) => "?..",
        (true, false) => "",
        (false, _) if rest.starts_with('/') => "/..",
        (false, _) => "..",
    };
    format!("{scheme}{host}{shown}{end}")
}

/// Returns the text of HTML.
fn without_tags(html: &str) -> String {
    let mut inside = false;
    html.chars()
        .filter(|&c| {
            let shown = !inside && c != '<';
            inside = c == '<' || (inside && c != '>');
            shown
        })
        .collect()
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> HttpAnswer {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        HttpAnswer::new(status, fields.collect(), body.as_ref())
    }

    /// The message without its beginning, which is always the same.
    fn message(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> String {
        let secrets: [&[u8]; 2] = [b"/feed/hush-path", b"Bearer hush-token"];
        let message = answer(status, fields, body).message(&secrets);
        let head = format!("the server answered the upgrade with HTTP status {status}");
        message.strip_prefix(&head).unwrap().to_owned()
    }

    #[test]
    fn a_body_is_bounded() {
        assert_eq!(answer(503, &[], [7; 10_000]).body.len(), HttpAnswer::BODY_LIMIT);
    }

    #[test]
    fn a_refusal_shows_its_meaning_and_the_first_line() {
        assert_eq!(message(418, &[], ""), "");
        assert_eq!(message(418, &[], "short and stout\r\nmore"), r#": "short and stout""#);
        assert_eq!(
            message(401, &[], "no such user"),
            r#" (the credentials are missing or not accepted): "no such user""#
        );
        assert_eq!(message(200, &[], "welcome"), " (there is no WebSocket at this path)");
        let html = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>";
        let proxy = r#" (the server behind a proxy is not available): "502 Bad Gateway""#;
        assert_eq!(message(502, &[], html), proxy);
        assert_eq!(message(500, &[], "a < b"), r#": "a < b""#);
        assert_eq!(message(500, &[], r#"{"a":1}"#), r#": "{'a':1}""#);
    }

    #[test]
    fn the_shown_line_of_a_body_is_bounded_and_printable() {
        let long = message(500, &[], "é".repeat(5_000));
        assert_eq!(long, format!(": \"{}..\"", "é".repeat(120)));
        let steering = message(500, &[], "\x1b[2Jgone\u{202e}\u{9b}\0");
        assert_eq!(steering, r#": "\u{1b}[2Jgone\u{202e}\u{9b}\u{0}""#);
        assert_eq!(message(500, &[], [0xff, 0xfe]), "");
        assert_eq!(message(500, &[("Content-Encoding", "gzip")], "x"), "");
    }

    #[test]
    fn a_redirect_shows_its_target_without_secrets() {
        let to = |target: &str| message(301, &[("Location", target)], "moved");
        let about =
            |target: &str| format!(", a redirect to {target}, which is not followed: use that URL");
        assert_eq!(to("wss://example.org/other"), about("wss://example.org/other"));
        assert_eq!(to("/login?next=hush#hush"), about("/login?.."));
        assert_eq!(to("//me:hush@h/a@b"), about("//h/a@b"));
        assert_eq!(to("https://me:hush@h"), about("https://h"));
        assert_eq!(to("https://h/feed/hush-path/?a"), about("https://h/.."));
        assert_eq!(to("https://h/feed/hush-path"), about("https://h/.."));
        assert_eq!(to("https://h/é/hush-path/more#hush"), about("https://h/é/.."));
        assert_eq!(to("/a/../feed/hush-path"), about("/a/../.."));
        assert_eq!(to("/a-feed/hush-path"), about("/a-.."));
        assert_eq!(to("https://h?hush"), about("https://h?.."));
        assert_eq!(to("/login/hush-path"), about("/login/.."));
        assert_eq!(to("https://Hush-Path.h/x"), about("https://...h/x"));
        assert_eq!(to("\x1b[2J"), about(r"\u{1b}[2J"));
        assert_eq!(message(301, &[], "moved"), "");
    }

    #[test]
    fn parts_of_the_request_in_a_body_are_hidden() {
        assert_eq!(message(500, &[], "Cannot GET /feed/hush-path"), r#": "Cannot GET ..""#);
        assert_eq!(message(500, &[], "<h1>bad hush-token!</h1>"), r#": "bad ..!""#);
        let far = format!("{} hush-token", "x".repeat(110));
        assert_eq!(message(500, &[], &far), format!(": \"{} ..\"", "x".repeat(110)));
    }

    #[test]
    fn a_port_for_tls_is_recognized() {
        for body in [
            "<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
            "Client sent an HTTP request to an HTTPS server.\n",
            "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        ] {
            assert_eq!(
                message(400, &[], body),
                ": this port speaks TLS, use wss:// instead of ws://",
                "{body}"
            );
        }
        assert_eq!(message(400, &[], "an HTTP request"), r#": "an HTTP request""#);
    }

    #[test]
    fn debug_shows_no_values_and_no_body() {
        let debug = format!("{:?}", answer(401, &[("Set-Cookie", "hush")], "hush"));
        assert_eq!(debug, r#"HttpAnswer { status: 401, headers: ["Set-Cookie"], body: 4 bytes }"#);
    }
}
