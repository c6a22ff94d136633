//! The two charts, as SVG: states over time, and round trips over time.

use std::fmt::Write;

use super::{axis::Axis, escape::escape, reader::Record};
use crate::history::{RoundTrip, Span, worst_states};

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
        spans(&mut svg, record, axis, top + 21.0);
    }
    svg += "</svg>\n";
    svg
}

fn spans(svg: &mut String, record: &Record, axis: &Axis, top: f64) {
    let spans = spans_of(record, axis);
    let count = spans.clone().count();
    let by_column =
        if count > DETAILED { worst_by_column(spans.clone(), axis) } else { Vec::new() };
    let shown: &mut dyn Iterator<Item = Span> =
        if count > DETAILED { &mut by_column.into_iter() } else { &mut spans.into_iter() };
    for span in shown {
        let (from, to) = (axis.x(span.from), axis.x(span.to));
        // A short attempt stays visible.
        let width = (to - from).max(1.0);
        let (state, connection) = (span.state.name(), span.connection);
        let from_text = axis.show(span.from);
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

/// The spans of all sessions, in times of the axis.
fn spans_of(record: &Record, axis: &Axis) -> impl Iterator<Item = Span> + Clone {
    record.sessions.iter().flat_map(move |session| {
        let time = |at| axis.time(at, session.start);
        session.spans.iter().map(move |span| Span {
            from: time(span.from),
            to: time(span.to),
            ..span.clone()
        })
    })
}

/// Spans of whole columns, with the worst state of each column.
fn worst_by_column(spans: impl Iterator<Item = Span>, axis: &Axis) -> Vec<Span> {
    let states = spans.map(|span| {
        (span.state, axis.column(span.from, COLUMNS)..=axis.column(span.to - 1, COLUMNS))
    });
    let mut spans: Vec<Span> = Vec::new();
    for (index, state) in worst_states(states, COLUMNS).into_iter().enumerate() {
        let Some(state) = state else { continue };
        let [from, to] = [index, index + 1].map(|column| axis.time_of(column, COLUMNS));
        match spans.last_mut() {
            Some(last) if last.state == state && last.to == from => last.to = to,
            _ => spans.push(Span { from, to, state, connection: 0 }),
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
        for trip in thinned(record, axis) {
            let _ = writeln!(
                svg,
                "<circle class=\"c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\">\
                 <title>{:.3} ms at {}</title></circle>",
                axis.x(trip.at),
                y(trip.millis),
                trip.millis,
                axis.show(trip.at)
            );
        }
    }
    svg += "</svg>\n";
    Some(svg)
}

/// All round trips, or the shortest and the longest of each column, in times of the axis.
fn thinned(record: &Record, axis: &Axis) -> Vec<RoundTrip> {
    let sessions = record.sessions.iter();
    let trips = sessions.flat_map(|session| {
        let on_axis =
            |trip: &RoundTrip| RoundTrip { at: axis.time(trip.at, session.start), ..*trip };
        session.round_trips.iter().map(on_axis)
    });
    if trips.clone().count() <= DETAILED {
        return trips.collect();
    }
    let mut columns: Vec<Option<[RoundTrip; 2]>> = vec![None; COLUMNS];
    for trip in trips {
        match &mut columns[axis.column(trip.at, COLUMNS)] {
            Some([shortest, _]) if trip.millis < shortest.millis => *shortest = trip,
            Some([_, longest]) if trip.millis > longest.millis => *longest = trip,
            Some(_) => {}
            column => *column = Some([trip; 2]),
        }
    }
    columns.into_iter().flatten().flatten().collect()
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
