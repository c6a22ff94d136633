//! The secrets of a request as a server has them, and the places of an answer where it repeats them.

use data_encoding::BASE64;

use crate::planted::percent_encoded;

/// The forms in which a server repeats the secrets of a request: as they were sent, percent-decoded,
/// percent-encoded, and user and password in plain text.
pub(crate) fn forms(head: &str) -> Vec<String> {
    let target = head.split(' ').nth(1).expect("a request line").to_owned();
    let field = |wanted: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.to_owned())
    };
    let names =
        ["Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Sec-WebSocket-Protocol"];
    let values: Vec<_> = names.into_iter().filter_map(field).collect();
    let basic = values.iter().filter_map(|value| value.strip_prefix("Basic "));
    let plain: Vec<_> = basic.map(decoded).collect();
    let alone = plain.iter().filter_map(|plain| plain.split_once(':'));
    let alone = alone.flat_map(|(user, password)| [user.to_owned(), password.to_owned()]);
    let mut forms: Vec<_> = [target.replace("%2F", "/"), target].into_iter().collect();
    forms.extend(alone);
    forms.extend(plain);
    forms.extend(values);
    let encoded = forms.iter().map(|form| percent_encoded(form));
    let encoded: Vec<_> = encoded.filter(|encoded| !forms.contains(encoded)).collect();
    forms.extend(encoded);
    forms
}

fn decoded(basic: &str) -> String {
    let bytes = BASE64.decode(basic.as_bytes()).expect("base64");
    String::from_utf8(bytes).expect("UTF-8")
}

/// A place of an answer in which a server repeats a text. The second argument is the right
/// `Sec-WebSocket-Accept`.
pub(crate) type Place = fn(&str, &str) -> String;

/// Answers that refuse an upgrade, each with a text in another place.
pub(crate) const REFUSALS: [Place; 12] = [
    |form, _| refused("403 No", "", &format!("denied: {form}")),
    |form, _| {
        let page = format!("<html><title>Cannot GET {form}</title><p>{form}</p></html>");
        refused("404 Not Found", "Content-Type: text/html\r\n", &page)
    },
    |form, _| {
        let json = format!(r#"{{"error":"{}"}}"#, form.replace('/', "\\/"));
        let fields = format!("WWW-Authenticate: Bearer error=\"{form}\"\r\nSet-Cookie: {form}\r\n");
        refused("401 Unauthorized", &fields, &json)
    },
    |form, _| refused(&format!("500 {form}"), &format!("Retry-After: {form}\r\n"), ""),
    |form, _| redirect(&format!("/login/{form}?next={form}#{form}")),
    |form, _| redirect(&format!("{form}?{form}")),
    |form, _| redirect(&format!("https://{form}:{form}@elsewhere.example/a/{form}/b")),
    |form, _| redirect(&format!("https://{}.example/", word(form))),
    // Neither HTTP nor a valid status line.
    |form, _| format!("ERR {form}\r\n\r\n"),
    |form, _| format!("HTTP/1.1 {form}\r\n\r\n"),
    |form, accept| upgrade(accept, &format!("Sec-WebSocket-Protocol: {form}, {form}\r\n")),
    |form, accept| upgrade(accept, &format!("Sec-WebSocket-Extensions: {form}\r\n")),
];

/// The last word, in lower case: the name of a host.
fn word(form: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut words = form.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    words.next_back().expect("a word").to_ascii_lowercase()
}

pub(crate) fn redirect(location: &str) -> String {
    refused("302 Found", &format!("Location: {location}\r\n"), "")
}

pub(crate) fn refused(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

fn upgrade(accept: &str, fields: &str) -> String {
    websocket_heartbeat_tests::upgrade_response(accept, fields)
}
