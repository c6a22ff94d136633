//! Tests of the reader and of the page.

use super::{reader::Record, *};
use crate::history::State;

/// A connection is lost, an attempt fails, and a second connection opens.
const RECORD: &str = r#"{"t_ms":0,"time":"2026-01-31T12:00:00.000Z","event":"connecting","connection":1,"attempt":0}
{"t_ms":100,"time":"2026-01-31T12:00:00.100Z","event":"open","connection":1,"attempt":0,"outage_ms":null}
{"t_ms":600,"time":"2026-01-31T12:00:00.600Z","event":"heartbeat","connection":1,"rtt_ms":0.25}
{"t_ms":700,"time":"2026-01-31T12:00:00.700Z","event":"message","connection":1,"text":"hush"}
{"t_ms":1100,"time":"2026-01-31T12:00:01.100Z","event":"lost","connection":1,"opened":true,"cause":"broken","detail":"a <b>bad</b> day","unproven":2,"skipped_cycles":0}
{"t_ms":1100,"time":"2026-01-31T12:00:01.100Z","event":"retry","attempt":1,"delay_ms":500}
{"t_ms":1200,"time":"2026-01-31T12:00:01.200Z","event":"unsent","fate":"dropped","connection":null,"reason":"offline","text":"hush"}
{"t_ms":1600,"time":"2026-01-31T12:00:01.600Z","event":"connecting","connection":2,"attempt":1}
{"t_ms":1700,"time":"2026-01-31T12:00:01.700Z","event":"lost","connection":2,"opened":false,"cause":"connect","detail":"refused","unproven":0,"skipped_cycles":0}
{"t_ms":2700,"time":"2026-01-31T12:00:02.700Z","event":"connecting","connection":3,"attempt":2}
{"t_ms":3100,"time":"2026-01-31T12:00:03.100Z","event":"open","connection":3,"attempt":2,"outage_ms":2000}
{"t_ms":5100,"time":"2026-01-31T12:00:05.100Z","event":"closed","reason":"user","detail":"closed by the user","unproven":1}
"#;

fn record(name: &str, text: &str) -> Record {
    reader::read(name.to_owned(), text.as_bytes()).unwrap()
}

/// Asserts that each tag of the page has its end.
fn assert_well_formed(page: &str) {
    let mut open = Vec::new();
    let (_, body) = page.split_once("<body>").unwrap();
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split(' ').next().unwrap();
        match name.strip_prefix('/') {
            Some("body" | "html") => {}
            Some(end) => assert_eq!(open.pop(), Some(end), "{tag}"),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn states_fill_the_time_of_a_session() {
    let record = record("a", RECORD);
    let [session] = &record.sessions[..] else { panic!("there is one session") };
    let spans: Vec<_> = session
        .spans
        .iter()
        .map(|span| (span.state, span.from - session.start, span.to - session.start))
        .collect();
    assert_eq!(
        spans,
        [
            (State::Connecting, 0, 100),
            (State::Open, 100, 1_100),
            (State::Waiting, 1_100, 1_600),
            (State::Connecting, 1_600, 1_700),
            (State::Waiting, 1_700, 2_700),
            (State::Connecting, 2_700, 3_100),
            (State::Open, 3_100, 5_100),
        ]
    );
    assert_eq!((session.opens, session.received, session.unproven), (2, 1, 3));
    let outages: Vec<_> = session.losses.iter().map(|loss| loss.outage).collect();
    assert_eq!(outages, [Some(2_000), Some(1_400)]);
    assert_eq!(session.closed.as_deref(), Some("closed by the user"));
}

#[test]
fn a_page_has_the_figures_and_no_content_of_messages() {
    let page = page::html(&[record("a.jsonl", RECORD)]);
    assert_well_formed(&page);
    for text in [
        "3.00 s (58.82 %)",
        "1 broken",
        "a &lt;b&gt;bad&lt;/b&gt; day",
        "0.25 ms",
        "1 dropped (offline)",
        "2026-01-31 12:00:01.100",
        "connection 3: open for 2.00 s",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("hush") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn several_records_share_one_axis() {
    let later = RECORD.replace("T12:00", "T12:01");
    let records = [record("a", RECORD), record("b", &later)];
    let page = page::html(&records);
    assert_well_formed(&page);
    assert!(page.contains("12:00:10") && page.contains("12:01:00"), "{page}");
    // Without UTC times, each record begins at 0.
    let relative: String = RECORD
        .lines()
        .map(|line| {
            let (head, rest) = line.split_once(",\"time\":\"").unwrap();
            format!("{head}{}\n", &rest[25..])
        })
        .collect();
    let page = page::html(&[record("a", RECORD), record("b", &relative)]);
    assert!(page.contains("Times count from the start."));
    assert!(page.contains("+1.10 s"), "{page}");
}

#[test]
fn a_file_can_have_several_sessions_and_broken_lines() {
    let text = format!("noise\n{RECORD}\n{RECORD}{{\"t_ms\":70");
    let repeated = record("a", &text);
    assert_eq!(repeated.sessions.len(), 2);
    assert_eq!(repeated.skipped, Some((1, 2)));
    let text: String =
        RECORD.lines().take(3).chain(RECORD.lines().take(2)).collect::<Vec<_>>().join("\n");
    let restarted = record("a", &text);
    assert_eq!(restarted.sessions.len(), 2, "a smaller time is that of another program");
    assert!(page::html(&[restarted]).contains("the record ends before the session"));
}

#[test]
fn a_long_record_gives_a_small_page() {
    let mut text = String::new();
    for index in 0..20_000 {
        let at = index * 1_000;
        text += &format!(
            "{{\"t_ms\":{at},\"event\":\"connecting\",\"connection\":{index}}}\n\
             {{\"t_ms\":{},\"event\":\"open\",\"connection\":{index}}}\n\
             {{\"t_ms\":{},\"event\":\"heartbeat\",\"connection\":{index},\"rtt_ms\":{}}}\n\
             {{\"t_ms\":{},\"event\":\"lost\",\"connection\":{index},\"opened\":true,\
             \"cause\":\"broken\",\"detail\":\"x\"}}\n",
            at + 100,
            at + 200,
            1 + index % 7,
            at + 900
        );
    }
    let page = page::html(&[record("a", &text)]);
    assert_well_formed(&page);
    assert!(page.len() < 800_000, "{}", page.len());
    assert!(page.contains("19500 more losses are not listed"));
}

#[test]
fn impossible_numbers_are_no_events() {
    for line in [
        r#"{"t_ms":18446744073709551615,"event":"open"}"#,
        r#"{"t_ms":9223372036854775807,"time":"9999-12-31T23:59:59.999Z","event":"open"}"#,
        r#"{"t_ms":6000,"event":"lost","unproven":18446744073709551615}"#,
        r#"{"t_ms":6000,"event":"lost","skipped_cycles":18446744073709551615}"#,
        r#"{"t_ms":6000,"event":"open","outage_ms":-1}"#,
        r#"{"t_ms":6000,"event":"heartbeat","rtt_ms":1e308}"#,
        r#"{"t_ms":6000,"event":"heartbeat","rtt_ms":-1}"#,
        r#"{"t_ms":-1,"event":"open"}"#,
    ] {
        let record = record("a", &format!("{RECORD}{line}\n{line}\n"));
        assert_eq!(record.skipped, Some((13, 2)), "{line}");
    }
}

#[test]
fn possible_numbers_of_any_size_give_a_page() {
    let count = u32::MAX;
    for time in
        ["", r#","time":"1970-01-01T00:00:00.000Z""#, r#","time":"9999-12-31T23:59:59.999Z""#]
    {
        let session = format!(
            "{{\"t_ms\":0{time},\"event\":\"connecting\"}}\n\
             {{\"t_ms\":0{time},\"event\":\"heartbeat\",\"rtt_ms\":3e12}}\n\
             {{\"t_ms\":3162240000000{time},\"event\":\"lost\",\"opened\":true,\
             \"unproven\":{count},\"skipped_cycles\":{count}}}\n"
        );
        let page = page::html(&[record("a", &session.repeat(3)), record("b", RECORD)]);
        assert_well_formed(&page);
    }
}

#[test]
fn many_sessions_give_a_small_page() {
    for time in [r#","time":"2026-01-31T12:00:00.000Z""#, ""] {
        let session = format!(
            "{{\"t_ms\":0{time},\"event\":\"connecting\"}}\n\
             {{\"t_ms\":50{time},\"event\":\"open\"}}\n\
             {{\"t_ms\":90{time},\"event\":\"heartbeat\",\"rtt_ms\":2.5}}\n\
             {{\"t_ms\":99{time},\"event\":\"closed\",\"detail\":\"x\"}}\n"
        );
        let record = record("a", &session.repeat(5_000));
        assert_eq!(record.sessions.len(), 5_000);
        let page = page::html(&[record]);
        assert_well_formed(&page);
        assert!(page.len() < 20_000, "{}", page.len());
    }
}

#[test]
fn a_page_replaces_no_record() {
    let args = |records: &[&str], output: Option<&str>| Args {
        records: records.iter().map(PathBuf::from).collect(),
        output: output.map(PathBuf::from),
    };
    let here = env!("CARGO_MANIFEST_DIR");
    let (record, same) = (format!("{here}/JSON.md"), format!("{here}/src/../JSON.md"));
    assert!(check(&args(&["-", &record], Some(&same))).is_err());
    assert!(check(&args(&["-", "-"], None)).is_err());
    assert!(check(&args(&["-", "a"], Some("a.html"))).is_ok());
}
