//! The results as bars, relative to raw: a hand-written SVG.

use std::fmt::Write;

use super::{
    case::Case,
    plan::{self, Group},
    sample::{CPU, RESIDENT, Sample},
    table::{Results, Row},
};

const WIDTH: f64 = 760.0;
const NAMES: f64 = 170.0;
const FIGURES: f64 = 120.0;
const BAR: f64 = 14.0;
const STEP: f64 = 19.0;
const TITLE: f64 = 34.0;

/// Bars with a title.
struct Panel {
    title: String,
    bars: Vec<(String, f64)>,
}

/// One panel for each case, one bar for each contender, a line where raw is.
pub(crate) fn svg(results: &Results) -> String {
    let panels: Vec<Panel> = results
        .groups
        .iter()
        .flat_map(|(group, rows)| panels(results, group, rows))
        .filter(|panel| !panel.bars.is_empty())
        .collect();
    let height: f64 =
        panels.iter().map(|panel| TITLE + STEP * panel.bars.len() as f64).sum::<f64>() + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let mut top = 0.0;
    for panel in &panels {
        draw(&mut out, panel, top);
        top += TITLE + STEP * panel.bars.len() as f64;
    }
    out.push_str("</svg>\n");
    out
}

fn panels(results: &Results, group: &Group, rows: &[Row]) -> Vec<Panel> {
    let panel = |figure: &str, title: String| Panel {
        title,
        bars: rows
            .iter()
            .filter_map(|row| {
                let (title, raw) = plan::reference(group, row.contender)?;
                let raw = results.find(&title, raw)?;
                let ratio = |sample: &Sample| Some(sample.get(figure)? / raw.get(figure)?);
                Some((row.contender.to_string(), ratio(&row.median())?))
            })
            .collect(),
    };
    let mut panels = vec![panel(
        CPU,
        format!("{}: CPU per {}, raw = 1, less is better", group.title(), group.case.unit()),
    )];
    if group.case == Case::Idle {
        let title = format!("{}: resident memory, raw = 1, less is better", group.title());
        panels.push(panel(RESIDENT, title));
    }
    panels
}

fn draw(out: &mut String, panel: &Panel, top: f64) {
    let most = panel.bars.iter().map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let scale = (WIDTH - NAMES - FIGURES) / most;
    let _ = writeln!(
        out,
        "<text x=\"10\" y=\"{:.1}\" font-weight=\"600\">{}</text>",
        top + 22.0,
        panel.title
    );
    for (index, (name, ratio)) in panel.bars.iter().enumerate() {
        let y = top + TITLE + STEP * index as f64;
        let colour = match name {
            name if name.starts_with("ours") => "#1a7f37",
            name if name.starts_with("connection") => "#7ec699",
            name if name.starts_with("raw") => "#8c959f",
            _ => "#bc4c00",
        };
        let baseline = y + BAR - 3.0;
        let end = NAMES + ratio * scale;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{NAMES}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{baseline:.1}\">{ratio:.2}</text>",
            NAMES - 8.0,
            ratio * scale,
            end + 6.0
        );
    }
    let raw = NAMES + scale;
    let _ = writeln!(
        out,
        "<line x1=\"{raw:.1}\" x2=\"{raw:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#24292f\" \
         stroke-dasharray=\"3 3\"/>",
        top + TITLE - 4.0,
        top + TITLE + STEP * panel.bars.len() as f64
    );
}
