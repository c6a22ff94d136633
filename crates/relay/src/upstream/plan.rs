//! [`Plan`]: the request and the first messages of one attempt.

use std::collections::BTreeMap;

use websocket_heartbeat_tokio::{Message, Request};

use super::{Checkpoint, UpstreamError, read};
use crate::config::{
    Resume, Subscription,
    template::{self, Part},
};

/// What one attempt sends.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) request: Request,
    pub(super) open: Vec<Message>,
}

impl Plan {
    /// Reads the secrets. A resume whose URL cannot be used is given up: the values are forgotten.
    pub(super) fn new(
        subscription: &Subscription,
        checkpoint: &Checkpoint,
    ) -> Result<Self, UpstreamError> {
        if let Some((resume, values)) = checkpoint.complete() {
            match Self::resumed(subscription, resume, &values) {
                Err(error @ (UpstreamError::Request(_) | UpstreamError::WithoutTls)) => {
                    let name = &*subscription.name;
                    tracing::warn!(subscription = name, %error, "the resume is given up");
                    checkpoint.forget();
                }
                result => {
                    checkpoint.resume(values);
                    return result;
                }
            }
        }
        let open = subscription.open.iter();
        let open = open.map(|source| read(source, &subscription.name).map(Message::from));
        let open = open.collect::<Result<_, _>>()?;
        Ok(Self { request: request(subscription)?, open })
    }

    fn resumed(
        subscription: &Subscription,
        resume: &Resume,
        values: &BTreeMap<String, String>,
    ) -> Result<Self, UpstreamError> {
        let name = &subscription.name;
        let mut request = request(subscription)?;
        if let Some(url) = &resume.url {
            let url = filled_url(&read(url, name)?, values);
            let first_is_tls = request.is_tls();
            request = with_fields(Request::new(&url)?, subscription)?;
            if first_is_tls && !request.is_tls() {
                return Err(UpstreamError::WithoutTls);
            }
        }
        let open = resume.open.iter();
        let open = open
            .map(|source| read(source, name).map(|text| Message::from(filled_json(&text, values))));
        Ok(Self { request, open: open.collect::<Result<_, _>>()? })
    }
}

fn request(subscription: &Subscription) -> Result<Request, UpstreamError> {
    let url = read(&subscription.url, &subscription.name)?;
    with_fields(Request::new(&url)?, subscription)
}

fn with_fields(
    mut request: Request,
    subscription: &Subscription,
) -> Result<Request, UpstreamError> {
    for (name, value) in &subscription.headers {
        request = request.header(name, read(value, &subscription.name)?)?;
    }
    for protocol in &subscription.subprotocols {
        request = request.subprotocol(protocol)?;
    }
    Ok(request)
}

/// Fills places inside a JSON text.
fn filled_json(template: &str, values: &BTreeMap<String, String>) -> String {
    template::fill(template, |name| {
        let quoted = serde_json::Value::from(&**values.get(name)?).to_string();
        Some(quoted[1..quoted.len() - 1].to_owned())
    })
}

/// Fills places inside a URL. At its beginning, a value is a URL itself.
fn filled_url(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut at_beginning = matches!(template::parts(template).next(), Some(Part::Place(_)));
    template::fill(template, |name| {
        let value = values.get(name)?;
        if std::mem::take(&mut at_beginning) {
            return Some(value.clone());
        }
        let encoded = value.bytes().map(|byte| match byte {
            // The characters that need no encoding (RFC 3986 section 2.3).
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        });
        Some(encoded.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<String, String> {
        let values = [
            ("seq", "18446744073709551615"),
            ("session", "a\"b\\c\nd\u{1}é"),
            ("url", "wss://resume.example.org/?v=10"),
        ];
        values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn values_in_json_are_escaped() {
        let template = r#"{"op":6,"d":{"seq":{{seq}},"session":"{{session}}"}}"#;
        let text = filled_json(template, &values());
        assert_eq!(
            text,
            r#"{"op":6,"d":{"seq":18446744073709551615,"session":"a\"b\\c\nd\u0001é"}}"#
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["d"]["session"], "a\"b\\c\nd\u{1}é");
        assert_eq!(value["d"]["seq"], u64::MAX);
    }

    #[test]
    fn values_in_urls_are_encoded_except_at_the_beginning() {
        let values = values();
        assert_eq!(filled_url("{{url}}", &values), "wss://resume.example.org/?v=10");
        assert_eq!(
            filled_url("{{url}}&s={{session}}&u={{url}}", &values),
            "wss://resume.example.org/?v=10&s=a%22b%5Cc%0Ad%01%C3%A9\
             &u=wss%3A%2F%2Fresume.example.org%2F%3Fv%3D10"
        );
        assert_eq!(
            filled_url("wss://example.org/{{seq}}", &values),
            "wss://example.org/18446744073709551615"
        );
    }
}
