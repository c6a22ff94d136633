//! The two charts, as SVG: states over time, and round trips over time.

use std::fmt::Write;

use super::{axis::Axis, escape::escape, reader::Record};
use crate::history::{RoundTrip, Session, Span, State};

/// The width of the charts, in units of the view box.
pub(super) const WIDTH: f64 = 1200.0;

/// More spans or round trips than this are drawn by columns, so that the page stays small.
const DETAILED: usize = 2_000;

const COLUMNS: usize = 1_200;
const LANE: f64 = 22.0;
const LANE_STEP: f64 = 52.0;
const TRIPS_HEIGHT: f64 = 180.0;

/// One lane for each record, with the time axis below.
pub(super) fn states(records: &[Record], axis: &Axis) -> String {
    let height = LANE_STEP * records.len() as f64 + 24.0;
    let mut svg = open_svg(height, "States over time");
    grid(&mut svg, axis, height - 24.0);
    for (index, record) in records.iter().enumerate() {
        let top = LANE_STEP * index as f64;
        let name = escape(&record.name);
        let _ = writeln!(svg, "<text class=\"name\" x=\"0\" y=\"{:.0}\">{name}</text>", top + 15.0);
        for session in &record.sessions {
            spans(&mut svg, session, axis, top + 21.0);
        }
    }
    svg += "</svg>\n";
    svg
}

fn spans(svg: &mut String, session: &Session, axis: &Axis, top: f64) {
    let by_column;
    let spans = if session.spans.len() > DETAILED {
        by_column = worst_by_column(session);
        &by_column
    } else {
        &session.spans
    };
    for span in spans {
        let (from, to) = (axis.x(span.from, session.start), axis.x(span.to, session.start));
        // A short attempt stays visible.
        let width = (to - from).max(1.0);
        let (state, connection) = (span.state.name(), span.connection);
        let from_text = axis.show(span.from, session.start);
        let length = super::axis::show_millis(span.to - span.from);
        let title = match connection {
            0 => format!("{state} for {length} from {from_text}"),
            _ => format!("connection {connection}: {state} for {length} from {from_text}"),
        };
        let _ = writeln!(
            svg,
            "<rect class=\"{state}\" x=\"{from:.2}\" y=\"{top:.0}\" width=\"{width:.2}\" \
             height=\"{LANE}\"><title>{title}</title></rect>"
        );
    }
}

/// Spans of one column each, with the worst state of the column.
fn worst_by_column(session: &Session) -> Vec<Span> {
    let columns = COLUMNS as i64;
    let length = (session.end - session.start).max(1);
    let column = |at: i64| ((at - session.start) * columns / length).min(columns - 1);
    let mut worst = vec![State::Open; COLUMNS];
    for span in &session.spans {
        for index in column(span.from)..=column(span.to - 1) {
            if let Some(state) = usize::try_from(index).ok().and_then(|index| worst.get_mut(index))
            {
                *state = (*state).max(span.state);
            }
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    for (index, state) in (0..).zip(worst) {
        let at = |index: i64| session.start + index * length / columns;
        match spans.last_mut() {
            Some(last) if last.state == state => last.to = at(index + 1),
            _ => spans.push(Span { from: at(index), to: at(index + 1), state, connection: 0 }),
        }
    }
    spans
}

/// The round trips of all records on a logarithmic scale; `None` if there are none.
pub(super) fn round_trips(records: &[Record], axis: &Axis) -> Option<String> {
    let all = || records.iter().flat_map(|record| &record.sessions).flat_map(|s| &s.round_trips);
    // A round trip of zero has no logarithm.
    let lowest = all().map(|trip| trip.millis.max(0.001)).reduce(f64::min)?;
    let highest = all().map(|trip| trip.millis.max(0.001)).reduce(f64::max)?;
    let (low, high) =
        (lowest.log10().floor(), (highest.log10() + 1e-9).ceil().max(lowest.log10().floor() + 1.0));
    let y = |millis: f64| {
        let share = (millis.max(0.001).log10() - low) / (high - low);
        TRIPS_HEIGHT - share * TRIPS_HEIGHT
    };
    let mut svg = open_svg(TRIPS_HEIGHT + 24.0, "Round trips over time");
    grid(&mut svg, axis, TRIPS_HEIGHT);
    for exponent in low as i32..=high as i32 {
        let at = y(10_f64.powi(exponent));
        let label = match exponent {
            ..0 => format!("{} µs", 10_f64.powi(exponent + 3)),
            0..3 => format!("{} ms", 10_f64.powi(exponent)),
            _ => format!("{} s", 10_f64.powi(exponent - 3)),
        };
        let text = if at < 12.0 { at + 12.0 } else { at - 3.0 };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"mark\" x=\"2\" y=\"{text:.1}\">{label}</text>"
        );
    }
    for (index, record) in records.iter().enumerate() {
        let colour = index % 6;
        for session in &record.sessions {
            for trip in thinned(&session.round_trips, axis, session.start) {
                let _ = writeln!(
                    svg,
                    "<circle class=\"c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\">\
                     <title>{:.3} ms at {}</title></circle>",
                    axis.x(trip.at, session.start),
                    y(trip.millis),
                    trip.millis,
                    axis.show(trip.at, session.start)
                );
            }
        }
    }
    svg += "</svg>\n";
    Some(svg)
}

/// All round trips, or the shortest and the longest of each column.
fn thinned(trips: &[RoundTrip], axis: &Axis, start: i64) -> Vec<RoundTrip> {
    if trips.len() <= DETAILED {
        return trips.to_vec();
    }
    let column = |trip: &RoundTrip| (axis.x(trip.at, start) / WIDTH * COLUMNS as f64) as usize;
    let by_size = |a: &&RoundTrip, b: &&RoundTrip| a.millis.total_cmp(&b.millis);
    trips
        .chunk_by(|a, b| column(a) == column(b))
        .flat_map(|column| {
            let shortest = column.iter().min_by(by_size);
            shortest.into_iter().chain(column.iter().max_by(by_size)).copied().collect::<Vec<_>>()
        })
        .collect()
}

fn open_svg(height: f64, title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\">\n")
}

/// Vertical lines at the marks of the axis, and their labels below.
fn grid(svg: &mut String, axis: &Axis, height: f64) {
    for mark in axis.marks() {
        let anchor = match mark.x {
            x if x < 60.0 => "start",
            x if x > WIDTH - 60.0 => "end",
            _ => "middle",
        };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{height:.0}\"/>\
             <text class=\"mark\" x=\"{0:.1}\" y=\"{1:.0}\" text-anchor=\"{anchor}\">{2}</text>",
            mark.x,
            height + 16.0,
            mark.label
        );
    }
}
