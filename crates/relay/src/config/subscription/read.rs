//! Reads a [`Subscription`] from its table, in a file or in JSON.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use websocket_heartbeat_tokio::{Request, RequestError};

use super::{
    super::{
        Source,
        document::{Field, Table},
        mistakes::{Problem, Warning},
        template,
    },
    Heartbeat, Kind, OnFull, Oversize, Ready, Subscription, id, resume,
    source::{known_places, messages, source},
};

/// The longest name.
const LONGEST: usize = 64;

/// Reads all subscriptions of a file. A table with `names` is one for each name.
pub(in crate::config) fn read_all(field: &Field<'_>) -> Option<Vec<Subscription>> {
    if field.is_table() {
        let expected = "a list of tables: write [[subscription]], in double brackets";
        field.mistake(Problem::Type { expected, found: "one table" });
        return None;
    }
    let tables = field.list(|mut element| {
        // The line says which one it is.
        element.path.clone_from(&field.path);
        element.table()
    })?;
    let mut lines = HashMap::new();
    let mut subscriptions = Some(Vec::new());
    for table in tables {
        let named = read_named(table, &mut lines);
        subscriptions = subscriptions.zip(named).map(|(mut all, named)| {
            all.extend(named);
            all
        });
    }
    subscriptions
}

/// Reads the value of a bucket.
pub(super) fn read_json(mut table: Table<'_>) -> Option<Subscription> {
    let name = table.required("name", "name = \"NAME\"", |field| field.name(LONGEST));
    let names: Vec<_> = name.into_iter().collect();
    read(&mut table, &names)?.pop()
}

/// Reads one table of a file. `lines` has the line of each name so far.
fn read_named(
    mut table: Table<'_>,
    lines: &mut HashMap<String, usize>,
) -> Option<Vec<Subscription>> {
    let one = table.maybe("name", |field| name(&field, lines));
    let several = table.maybe("names", |field| {
        let names = field.list(|field| Some(name(&field, lines)))?;
        if names.is_empty() {
            field.mistake(Problem::Empty);
        }
        names.into_iter().collect::<Option<Vec<_>>>()
    });
    let names = match (table.has("name"), table.has("names")) {
        (true, true) => {
            if let Some(field) = table.field("names") {
                field.mistake(Problem::NotBoth { other: "name" });
            }
            None
        }
        (false, false) => {
            table.mistake("name", Problem::Missing { write: "name = \"NAME\"" });
            None
        }
        (true, false) => one.flatten().map(|name| vec![name]),
        (false, true) => several.flatten(),
    };
    // If they are wrong, the rest is still checked.
    let names = names.unwrap_or_default();
    let subscriptions = read(&mut table, &names);
    table.finish();
    subscriptions
}

/// Reads a name that no other subscription has.
fn name(field: &Field<'_>, lines: &mut HashMap<String, usize>) -> Option<String> {
    let name = field.name(LONGEST)?;
    if let Some(line) = lines.get(&name) {
        field.mistake(Problem::Twice { line: *line });
        return None;
    }
    lines.insert(name.clone(), field.notes.place(field.at).map_or(0, |place| place.line));
    Some(name)
}

/// Reads a URL, and checks it with each name. A mistake is noted once for all names.
fn url(field: &Field<'_>, names: &[String]) -> Option<Source> {
    let url = source(field, names, &["name"])?;
    let problem = |name: &String| url_problem(&url.named(name));
    if let Some(problem) = or_another(names).iter().find_map(problem) {
        field.mistake(problem);
        return None;
    }
    Some(url)
}

/// If there are no names, another one. What depends on names is checked with it.
fn or_another(names: &[String]) -> Cow<'_, [String]> {
    if names.is_empty() { Cow::Owned(vec!["name".to_owned()]) } else { Cow::Borrowed(names) }
}

fn url_problem(url: &Source) -> Option<Problem> {
    let Source::Plain(url) = url else { return None };
    if let Err(error) = Request::new(url) {
        return Some(Problem::Url(error));
    }
    let authority = url.split("://").nth(1)?.split(['/', '?']).next()?;
    authority.contains('@').then_some(Problem::PlainSecret)
}

fn dial_key(field: &Field<'_>, names: &[String]) -> Option<String> {
    let key = field.text()?;
    known_places(field, &key, &["name"])?;
    let fits = |key: &str| key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !or_another(names).iter().all(|name| fits(&template::fill_name(&key, name))) {
        field.mistake(Problem::DialKey);
        return None;
    }
    Some(key)
}

/// Whether a connection with TLS is continued by one without.
fn loses_tls(first: &Source, resumed: &Source) -> bool {
    let begins = |source: &Source, scheme: &str| {
        let Source::Plain(url) = source else { return false };
        url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    begins(first, "wss://") && begins(resumed, "ws://")
}

fn sends_secrets_openly(subscription: &Subscription) -> bool {
    let Source::Plain(url) = &subscription.url else { return false };
    let Ok(request) = Request::new(url) else { return false };
    let host = request.host();
    let local =
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    !request.is_tls() && !local && subscription.secrets().next().is_some()
}

/// Reads the subscriptions with these names, which differ in the place `{{name}}` of their texts.
fn read(table: &mut Table<'_>, names: &[String]) -> Option<Vec<Subscription>> {
    let write = "url = \"wss://HOST/PATH\"";
    let url = table.required("url", write, |field| url(&field, names));
    let headers = table.or("headers", Vec::new(), |field| {
        let headers = field.entries()?.into_iter().map(|(name, field)| header(name, &field, names));
        headers.collect::<Vec<_>>().into_iter().collect()
    });
    let subprotocols = table.or("subprotocols", Vec::new(), |field| field.list(subprotocol));
    let open = table.or("open", Vec::new(), |field| messages(&field, names, &["name"]));
    let kind = kind(table, names, url.as_ref());
    let id = id::rule(table, kind.as_ref());
    let without_id = id::without_id(table, id.as_ref());
    let heartbeat = table.or("heartbeat", Heartbeat::default(), |field| heartbeat(&field));
    let ready = table.or("ready", Ready::default(), |field| field.choice(Ready::CHOICES));
    let on_full = table.or("on_full", OnFull::default(), |field| field.choice(OnFull::CHOICES));
    let oversize =
        table.or("oversize", Oversize::default(), |field| field.choice(Oversize::CHOICES));
    let commands = table.or("commands", false, |field| field.boolean());
    let resend = table.or("resend", 0, |field| {
        let times = field.integer(0..=100)?;
        if times > 0 && commands == Some(false) {
            field.no_effect_without("`commands = true`");
        }
        Some(times)
    });
    let dial_key = table.maybe("dial_key", |field| dial_key(&field, names));
    let pattern = Subscription {
        name: String::new(),
        url: url?,
        headers: headers?.into_iter().collect(),
        subprotocols: subprotocols?,
        open: open?,
        kind: kind?,
        id: id?,
        without_id: without_id?,
        heartbeat: heartbeat?,
        ready: ready?,
        on_full: on_full?,
        oversize: oversize?,
        commands: commands?,
        resend: resend?,
        dial_key: dial_key?,
    };
    let named: Vec<_> = names.iter().map(|name| pattern.named(name)).collect();
    if named.iter().any(sends_secrets_openly)
        && let Some(field) = table.field("url")
    {
        field.warn(Warning::Unencrypted);
    }
    Some(named)
}

fn header(name: &str, field: &Field<'_>, names: &[String]) -> Option<(String, Source)> {
    let value = source(field, names, &["name"])?;
    let plain = match &value {
        Source::Plain(text) => text,
        Source::Secret(_) => "",
    };
    let request = Request::new("ws://localhost").and_then(|request| request.header(name, plain));
    if let Err(error) = request {
        field.mistake(Problem::Header(error));
        return None;
    }
    let secret = ["authorization", "cookie", "proxy-authorization"];
    if value.secret().is_none() && secret.contains(&&*name.to_ascii_lowercase()) {
        field.mistake(Problem::PlainSecret);
        return None;
    }
    Some((name.to_owned(), value))
}

fn subprotocol(field: Field<'_>) -> Option<String> {
    let name = field.text()?;
    let request = Request::new("ws://localhost").and_then(|request| request.subprotocol(&name));
    if let Err(RequestError::Subprotocol) = request {
        field.mistake(Problem::Header(RequestError::Subprotocol));
        return None;
    }
    Some(name)
}

#[derive(Clone, Copy, PartialEq)]
enum KindName {
    Overlap,
    Resume,
    Exclusive,
}

fn kind(table: &mut Table<'_>, names: &[String], url: Option<&Source>) -> Option<Kind> {
    let choices = [
        ("overlap", KindName::Overlap),
        ("resume", KindName::Resume),
        ("exclusive", KindName::Exclusive),
    ];
    let kind = table.or("kind", KindName::Overlap, |field| field.choice(&choices));
    let owners = table.or("replicas", 1, |field| {
        let owners = field.integer(1..=2)?;
        if owners == 2 && kind.is_some_and(|kind| kind != KindName::Overlap) {
            field.mistake(Problem::TwoOwners);
        }
        Some(owners)
    });
    let resume = table.maybe("resume", |field| {
        if kind.is_some_and(|kind| kind != KindName::Resume) {
            field.no_effect_without("`kind = \"resume\"`");
        }
        resume::read(&field, names, |resumed| url.is_some_and(|first| loses_tls(first, resumed)))
    });
    match kind? {
        KindName::Overlap => Some(Kind::Overlap { owners: owners? }),
        KindName::Exclusive => Some(Kind::Exclusive),
        KindName::Resume => {
            let resume = resume?;
            if resume.is_none() {
                let write = "[subscription.resume], and below it values = { seq = \"/seq\" }";
                table.mistake("resume", Problem::Missing { write });
            }
            resume.map(Kind::Resume)
        }
    }
}

fn heartbeat(field: &Field<'_>) -> Option<Heartbeat> {
    let default = Heartbeat::default();
    let (shortest, longest) = (Duration::from_millis(100), Duration::from_secs(86_400));
    let mut table = field.table()?;
    let interval =
        table.or("interval", default.interval, |field| field.duration(shortest..=longest));
    let timeout = table.or("timeout", default.timeout, |field| field.duration(shortest..=longest));
    let text = table.maybe("text", |field| field.text());
    table.finish();
    Some(Heartbeat { interval: interval?, timeout: timeout?, text: text? })
}
