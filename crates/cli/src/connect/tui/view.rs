//! Draws the screen.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Paragraph, Sparkline},
};
use websocket_heartbeat_smol::{Phase, Status, Timestamp};

use super::app::{App, Input, Kind, millis};
use crate::{
    duration::show,
    history::{State, worst_states},
    terminal::{columns, tail},
};

/// From this width on, the counters stand beside the messages.
const WIDE: u16 = 110;

pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, status: &Status, now: Timestamp) {
    let [header, charts, axis, body, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(if frame.area().height >= 40 { 9 } else { 6 }),
        Constraint::Length(3),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_header(frame, header, app, status, now);
    let (trips, counters, messages) = if frame.area().width >= WIDE {
        let [messages, counters] =
            Layout::horizontal([Constraint::Min(40), Constraint::Length(36)]).areas(body);
        (charts, counters, messages)
    } else {
        let [trips, counters] =
            Layout::horizontal([Constraint::Min(30), Constraint::Length(36)]).areas(charts);
        (trips, counters, body)
    };
    draw_round_trips(frame, trips, app, status);
    draw_counters(frame, counters, status);
    draw_axis(frame, axis, app, now);
    draw_messages(frame, messages, app);
    draw_footer(frame, footer, app);
}

fn colour(phase: Phase) -> Color {
    match phase {
        Phase::Open => Color::Green,
        Phase::Connecting | Phase::Closing => Color::Yellow,
        Phase::Waiting | Phase::Closed => Color::Red,
        _ => Color::Blue,
    }
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status, now: Timestamp) {
    let since = show(now.saturating_since(status.since));
    let mut parts = vec![
        Span::from(" wsbeat ").reversed(),
        Span::from(format!(" {} ", app.server)).bold(),
        Span::from(format!("● {} {since}", status.phase.name())).fg(colour(status.phase)),
    ];
    let mut note = |text: String| parts.push(Span::from(format!("  {text}")));
    match (status.phase, status.next_attempt_at) {
        (Phase::Waiting, Some(at)) => {
            note(format!("attempt {} in {}", status.attempt, show(at.saturating_since(now))));
        }
        (Phase::Open, _) => {
            if let Some(life) = status.last_life {
                note(format!("silent {}", show(now.saturating_since(life))));
            }
        }
        _ => {}
    }
    if app.paused {
        note("paused".to_owned());
    }
    if let Some(trip) = status.round_trip.last {
        note(format!("round trip {}", show(trip)));
    }
    if status.queued_messages > 0 {
        note(format!("queue {}", status.queued_messages));
    }
    frame.render_widget(Line::from(parts), area);
}

fn draw_round_trips(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status) {
    let title = match (status.round_trip.minimum, status.round_trip.smoothed) {
        (Some(minimum), Some(smoothed)) => {
            format!(" round trips: smoothed {}, shortest {} ", show(smoothed), show(minimum))
        }
        _ => " round trips ".to_owned(),
    };
    let block = Block::bordered().title(title);
    let count = usize::from(block.inner(area).width);
    let trips = &app.history.round_trips;
    let latest = &trips[trips.len().saturating_sub(count)..];
    let micros: Vec<u64> = latest.iter().map(|trip| (trip.millis * 1e3) as u64 + 1).collect();
    let chart = Sparkline::default().data(&micros).style(Style::new().fg(Color::Magenta));
    frame.render_widget(chart.block(block), area);
}

fn draw_counters(frame: &mut Frame<'_>, area: Rect, status: &Status) {
    let counters = &status.counters;
    let mut rows = vec![
        format!("connections {} of {} attempts", counters.opens, counters.dials),
        format!("heartbeats {} of {}", counters.probes_answered, counters.probes_sent),
        format!("in {} ({})", counters.messages_in, bytes(counters.bytes_in)),
        format!("out {} ({})", counters.messages_out, bytes(counters.bytes_out)),
        format!("outbox {} ({})", status.queued_messages, bytes(status.queued_bytes as u64)),
        format!("dropped {}, unknown {}", counters.dropped, counters.unknown),
    ];
    rows.extend(
        counters
            .losses
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("lost: {count} {name}")),
    );
    if let Some(cause) = &status.last_cause {
        rows.push(format!("last: {}", cause.detail()));
    }
    let block = Block::bordered().title(" counters ");
    let text: Vec<Line<'_>> = rows.into_iter().map(Line::from).collect();
    let text = Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true });
    frame.render_widget(text.block(block), area);
}

fn draw_axis(frame: &mut Frame<'_>, area: Rect, app: &App, now: Timestamp) {
    let window = app.window();
    let block = Block::bordered().title(format!(" the last {} ", minutes(window)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = i64::from(inner.width.max(1));
    let length = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    let end = millis(now);
    let column = |at: i64| (at - (end - length)) * width / length;
    let spans = &app.history.spans;
    let states = spans.iter().enumerate().filter_map(|(index, span)| {
        // The current span has no end yet.
        let to = if index + 1 == spans.len() { end } else { span.to };
        let from = usize::try_from(column(span.from).max(0)).ok()?;
        // Not if it ended before the axis begins.
        let to = usize::try_from(column(to)).ok()?;
        Some((span.state, from..=to))
    });
    let bar: Vec<Span<'_>> = worst_states(states, usize::from(inner.width))
        .into_iter()
        .map(|state| match state {
            None => Span::from(" "),
            Some(State::Open) => Span::from("█").fg(Color::Green),
            Some(State::Connecting) => Span::from("▒").fg(Color::Yellow),
            Some(State::Waiting) => Span::from("░").fg(Color::Red),
        })
        .collect();
    frame.render_widget(Line::from(bar), inner);
}

fn draw_messages(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let title = match app.filter.as_str() {
        "" => " messages ".to_owned(),
        filter => format!(" messages with {filter:?} "),
    };
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    let height = usize::from(inner.height);
    let count = app.selected().count();
    app.scrolled = app.scrolled.min(count.saturating_sub(height));
    let shown = app.selected().rev().skip(app.scrolled).take(height);
    let mut lines: Vec<Line<'_>> = shown.map(line).collect();
    lines.reverse();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn line(line: &super::app::Line) -> Line<'_> {
    let (mark, style) = match line.kind {
        Kind::Received => ("<", Style::new()),
        Kind::Sent => (">", Style::new().add_modifier(Modifier::BOLD)),
        Kind::Event => ("·", Style::new().fg(Color::Cyan)),
        Kind::Problem => ("!", Style::new().fg(Color::Red)),
    };
    let time = format!("{:>9.3} ", line.at.since_epoch().as_secs_f64());
    Line::from(vec![
        Span::from(time).add_modifier(Modifier::DIM),
        Span::styled(format!("{mark} {}", line.text), style),
    ])
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, app: &App) {
    // The end of a long text is the part that is being typed.
    let typed = |mark: &str, text: &str| {
        let room = usize::from(area.width).saturating_sub(columns(mark) + 1);
        format!("{mark}{}█", tail(text, room))
    };
    let text = match &app.input {
        Input::Message(text) => typed("> ", text),
        Input::Filter => typed("/ ", &app.filter),
        Input::Keys if app.is_leaving() => "closing, ctrl-c again to abort".to_owned(),
        Input::Keys => {
            "i send  r reconnect  p probe  z pause  c close  / filter  +/- time  q quit".to_owned()
        }
    };
    frame.render_widget(Line::from(text).reversed(), area);
}

fn minutes(time: Duration) -> String {
    match time.as_secs() / 60 {
        1 => "minute".to_owned(),
        minutes @ 2..60 => format!("{minutes} minutes"),
        60 => "hour".to_owned(),
        minutes => format!("{} hours", minutes / 60),
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} kB", count / 1_000),
        _ => format!("{} MB", count / 1_000_000),
    }
}
