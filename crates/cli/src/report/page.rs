//! The page, as HTML.

use std::fmt::Write;

use super::{
    axis::{Axis, show_millis},
    chart,
    escape::escape,
    reader::Record,
    summary,
};

/// The maximum number of losses of a record that the page lists.
const LOSSES: usize = 500;

const STYLE: &str = include_str!("page.css");

/// The whole page. The policy in its head forbids every request to a network.
pub(super) fn html(records: &[Record]) -> String {
    let axis = Axis::new(records, chart::WIDTH);
    let names: Vec<_> = records.iter().map(|record| escape(&record.name)).collect();
    let title = format!("wsbeat: {}", names.join(", "));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    let zone = if axis.is_utc() { "Times are UTC." } else { "Times count from the start." };
    let _ = writeln!(
        page,
        "<p>{zone} <span class=\"key open\"></span> open <span class=\"key connecting\"></span> \
         connecting <span class=\"key waiting\"></span> waiting for the next attempt</p>"
    );
    page += &chart::states(records, &axis);
    page += "<h2>Figures</h2>\n";
    figures(&mut page, records);
    page += "<h2>Round trips of heartbeats</h2>\n";
    match chart::round_trips(records, &axis) {
        Some(chart) => page += &chart,
        None => page += "<p>No heartbeat was answered.</p>\n",
    }
    for record in records {
        losses(&mut page, record, &axis);
    }
    page += "</body>\n</html>\n";
    page
}

fn figures(page: &mut String, records: &[Record]) {
    *page += "<table>\n<tr><th></th>";
    for (index, record) in records.iter().enumerate() {
        let name = escape(&record.name);
        let _ = write!(page, "<th><span class=\"key c{}\"></span> {name}</th>", index % 6);
    }
    *page += "</tr>\n";
    for (name, values) in summary::rows(records) {
        let _ = write!(page, "<tr><th>{name}</th>");
        for value in values {
            let _ = write!(page, "<td>{}</td>", escape(&value));
        }
        *page += "</tr>\n";
    }
    *page += "</table>\n";
    for record in records {
        let name = escape(&record.name);
        if let Some((first, count)) = record.skipped {
            let _ = writeln!(
                page,
                "<p>{name}: lines that are no events: {count}, the first of which is line {first}.</p>"
            );
        }
        let missing: u64 = record.sessions.iter().map(|session| session.skipped_cycles).sum();
        if missing > 0 {
            let _ = writeln!(
                page,
                "<p>{name}: connections without events in the record: {missing}, because the \
                 output was blocked.</p>"
            );
        }
    }
}

fn losses(page: &mut String, record: &Record, axis: &Axis) {
    let _ = writeln!(page, "<h2>Losses: {}</h2>", escape(&record.name));
    let all = record
        .sessions
        .iter()
        .flat_map(|session| session.losses.iter().map(move |loss| (session, loss)));
    let count = all.clone().count();
    if count == 0 {
        *page += "<p>No connection was lost, and no attempt failed.</p>\n";
        return;
    }
    *page += "<table>\n<tr><th>Time</th><th>Connection</th><th>Cause</th><th>Detail</th>\
              <th>Outage</th><th>Without proof</th></tr>\n";
    for (session, loss) in all.take(LOSSES) {
        let outage = loss.outage.map_or_else(|| "to the end".to_owned(), show_millis);
        let attempt = if loss.opened { "" } else { " (attempt)" };
        let _ = writeln!(
            page,
            "<tr><td class=\"time\">{}</td><td>{}{attempt}</td><td>{}</td><td>{}</td>\
             <td>{outage}</td><td>{}</td></tr>",
            axis.show(axis.time(loss.at, session.start)),
            loss.connection,
            escape(&loss.cause),
            escape(&loss.detail),
            loss.unproven
        );
    }
    *page += "</table>\n";
    if count > LOSSES {
        let _ = writeln!(page, "<p>{} more losses are not listed.</p>", count - LOSSES);
    }
}
