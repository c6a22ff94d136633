//! Reads a [`Subscription`] from its table, in a file or in JSON.

use std::{collections::HashMap, time::Duration};

use websocket_heartbeat_tokio::{Request, RequestError};

use super::{
    super::{
        Secret, Source,
        document::{Field, Table},
        mistakes::{Problem, Warning},
        template,
    },
    Heartbeat, Kind, OnFull, Oversize, Ready, Subscription, WithoutId, resume,
};
use crate::id::{Pointer, Rule};

/// The longest name.
const LONGEST: usize = 64;

/// Reads all subscriptions of a file. A table with `names` is one for each name.
pub(in crate::config) fn read_all(field: &Field<'_>) -> Option<Vec<Subscription>> {
    if field.is_table() {
        let expected = "a list of tables: write [[subscription]], in double brackets";
        field.mistake(Problem::Type { expected, found: "one table" });
        return None;
    }
    let tables = field.list(|mut table| {
        // The line says which one it is.
        table.path.clone_from(&field.path);
        table.table()
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
    let pattern = read(&mut table, &names);
    named(&mut table, &pattern?, &names)?.pop()
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
    // Without names, the rest is still checked.
    let names = names.unwrap_or_default();
    let pattern = read(&mut table, &names);
    let subscriptions = pattern.and_then(|pattern| named(&mut table, &pattern, &names));
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

/// The subscriptions with these names. What depends on a name is checked here; a mistake is noted
/// once for all names.
fn named(
    table: &mut Table<'_>,
    pattern: &Subscription,
    names: &[String],
) -> Option<Vec<Subscription>> {
    let named: Vec<_> = names.iter().map(|name| pattern.named(name)).collect();
    let url = table.field("url")?;
    let problem = named.iter().find_map(|subscription| url_problem(&subscription.url));
    if let Some(problem) = problem {
        url.mistake(problem);
        return None;
    }
    if loses_tls(pattern) {
        if let Some(mut resume) = table.field("resume").and_then(|field| field.table())
            && let Some(field) = resume.field("url")
        {
            field.mistake(Problem::OtherScheme);
        }
        return None;
    }
    if let Some(field) = table.field("dial_key") {
        let fits = |key: &str| key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic());
        let mut keys = named.iter().filter_map(|subscription| subscription.dial_key.as_deref());
        if !keys.all(fits) {
            field.mistake(Problem::DialKey);
            return None;
        }
    }
    if named.iter().any(sends_secrets_openly) {
        url.warn(Warning::Unencrypted);
    }
    Some(named)
}

fn url_problem(url: &Source) -> Option<Problem> {
    let Source::Plain(url) = url else { return None };
    if let Err(error) = Request::new(url) {
        return Some(Problem::Url(error));
    }
    let authority = url.split("://").nth(1)?.split(['/', '?']).next()?;
    authority.contains('@').then_some(Problem::PlainSecret)
}

/// Whether a connection with TLS is continued by one without.
fn loses_tls(subscription: &Subscription) -> bool {
    let begins = |source: &Source, scheme: &str| {
        let Source::Plain(url) = source else { return false };
        url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    let Kind::Resume(resume) = &subscription.kind else { return false };
    begins(&subscription.url, "wss://")
        && resume.url.as_ref().is_some_and(|url| begins(url, "ws://"))
}

fn sends_secrets_openly(subscription: &Subscription) -> bool {
    let Source::Plain(url) = &subscription.url else { return false };
    let Ok(request) = Request::new(url) else { return false };
    let host = request.host();
    let local =
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    !request.is_tls() && !local && subscription.secrets().next().is_some()
}

/// Reads all but the name. Texts may still have the place `{{name}}`, so it can become several
/// subscriptions.
fn read(table: &mut Table<'_>, names: &[String]) -> Option<Subscription> {
    let url = table
        .required("url", "url = \"wss://HOST/PATH\"", |field| source(&field, names, &["name"]));
    let headers = table.or("headers", Vec::new(), |field| {
        let headers = field.entries()?.into_iter().map(|(name, field)| header(name, &field, names));
        headers.collect::<Vec<_>>().into_iter().collect()
    });
    let subprotocols = table.or("subprotocols", Vec::new(), |field| field.list(subprotocol));
    let open = table.or("open", Vec::new(), |field| messages(&field, names, &["name"]));
    let kind = kind(table, names);
    let id = id(table, kind.as_ref());
    let without_id = without_id(table, id.as_ref());
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
    let dial_key = table.maybe("dial_key", |field| {
        let key = field.text()?;
        known_places(&field, &key, &["name"])?;
        Some(key)
    });
    Some(Subscription {
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
    })
}

/// Reads a text or a secret with places. What is known for each of these names is replaced.
pub(super) fn source(field: &Field<'_>, names: &[String], known: &[&str]) -> Option<Source> {
    let source = field.source()?;
    known_places(field, source.text(), known)?;
    if let Source::Secret(secret) = &source {
        let with_name = |name: &String| {
            let fill = |place: &str| (place == "name").then(|| name.clone());
            source.map(|text| template::fill(text, fill))
        };
        let mut used: Vec<_> = names.iter().map(with_name).collect();
        used.dedup();
        let used: Vec<&Secret> = used.iter().filter_map(Source::secret).collect();
        for secret in if used.is_empty() { vec![secret] } else { used } {
            field.uses(secret.clone());
        }
    }
    Some(source)
}

/// Notes a place that nothing fills.
fn known_places(field: &Field<'_>, text: &str, known: &[&str]) -> Option<()> {
    let Some(place) = template::places(text).find(|place| !known.contains(place)) else {
        return Some(());
    };
    let known = known.iter().map(|&name| name.to_owned()).collect();
    field.mistake(Problem::Template { place: place.chars().take(40).collect(), known });
    None
}

/// Reads messages to send.
pub(super) fn messages(field: &Field<'_>, names: &[String], known: &[&str]) -> Option<Vec<Source>> {
    let messages = field.list(|field| source(&field, names, known))?;
    // The subscription must fit into one message of NATS.
    let bytes: usize = messages.iter().map(|message| message.text().len()).sum();
    if messages.len() > 1_000 || bytes > 256 << 10 {
        field.mistake(Problem::TooMuch { most: "1000 messages with 256 KiB" });
        return None;
    }
    Some(messages)
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

fn kind(table: &mut Table<'_>, names: &[String]) -> Option<Kind> {
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
        resume::read(&field, names)
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

fn id(table: &mut Table<'_>, kind: Option<&Kind>) -> Option<Rule> {
    let rule = table.maybe("id", |field| {
        let rule = rule(&field)?;
        match (&rule, kind) {
            (Rule::None, Some(Kind::Overlap { owners: 1 })) => field.warn(Warning::Doubles),
            (Rule::None, Some(Kind::Overlap { .. })) => field.mistake(Problem::TwoWithoutIds),
            _ => {}
        }
        Some(rule)
    })?;
    if rule.is_none() && matches!(kind, Some(Kind::Overlap { .. })) {
        table.mistake("id", Problem::IdMissing);
        return None;
    }
    Some(rule.unwrap_or_default())
}

fn rule(field: &Field<'_>) -> Option<Rule> {
    const RULES: [&str; 4] =
        ["{ pointer = \"/seq\" }", "{ bytes = [0, 8] }", "\"hash\"", "\"none\""];
    let choice = || {
        field.mistake(Problem::Choice(RULES.to_vec()));
        None
    };
    if !field.is_table() {
        return match field.as_text() {
            Some("hash") => Some(Rule::Hash),
            Some("none") => Some(Rule::None),
            _ => choice(),
        };
    }
    let mut table = field.table()?;
    let pointer = table.maybe("pointer", |field| pointer(&field));
    let bytes = table.maybe("bytes", |field| bytes(&field));
    let ways = (table.has("pointer"), table.has("bytes"));
    table.finish();
    match ways {
        (true, false) => pointer?.map(Rule::Pointer),
        (false, true) => bytes?,
        _ => choice(),
    }
}

pub(super) fn pointer(field: &Field<'_>) -> Option<Pointer> {
    match Pointer::parse(field.any_text()?) {
        Ok(pointer) => Some(pointer),
        Err(error) => {
            field.mistake(Problem::Pointer(error));
            None
        }
    }
}

fn bytes(field: &Field<'_>) -> Option<Rule> {
    // No message of a WebSocket that is stored is larger.
    let bounds = field.list(|field| field.integer(0_u32..=64 << 20))?;
    match bounds[..] {
        [from, to] if from < to => Some(Rule::Bytes { from: from as usize, to: to as usize }),
        _ => {
            field.mistake(Problem::EmptyRange);
            None
        }
    }
}

fn without_id(table: &mut Table<'_>, rule: Option<&Rule>) -> Option<WithoutId> {
    table.or("without_id", WithoutId::default(), |field| {
        let choice = field.choice(WithoutId::CHOICES)?;
        if let Some(Rule::Hash | Rule::None) = rule {
            field.no_effect_without("an `id` that is a pointer or a range of bytes");
        }
        Some(choice)
    })
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
