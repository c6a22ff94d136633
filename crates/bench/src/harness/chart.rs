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
const FIGURES: f64 = 70.0;
const BAR: f64 = 14.0;
const STEP: f64 = 19.0;
const HEAD: f64 = 40.0;
const TITLE: f64 = 30.0;
const AXIS: f64 = 20.0;
/// The same scale in all panels, so that bars can be compared across them; a longer bar is broken.
const MOST: f64 = 2.0;
const SCALE: f64 = (WIDTH - NAMES - FIGURES) / MOST;
/// Where the axis is marked; raw is 1.
const TICKS: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];

/// Bars with a title.
struct Panel {
    title: String,
    bars: Vec<(String, f64)>,
}

/// One panel for each case, one bar for each contender, lines at some ratios.
pub(crate) fn svg(results: &Results) -> String {
    let panels: Vec<Panel> = results
        .groups
        .iter()
        .flat_map(|(group, rows)| panels(results, group, rows))
        .filter(|panel| !panel.bars.is_empty())
        .collect();
    let height = HEAD + panels.iter().map(Panel::height).sum::<f64>();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"24\" fill=\"#57606a\">ratio to raw async-tungstenite; less is \
         better</text>\n"
    );
    let mut top = HEAD;
    for panel in &panels {
        draw(&mut out, panel, top);
        top += panel.height();
    }
    out.push_str("</svg>\n");
    out
}

impl Panel {
    fn bars_height(&self) -> f64 {
        STEP * self.bars.len() as f64
    }

    fn height(&self) -> f64 {
        TITLE + self.bars_height() + AXIS
    }
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
    let mut panels = vec![panel(CPU, format!("{}: CPU per {}", group.title(), group.case.unit()))];
    if group.case == Case::Idle {
        let title = format!("{}: resident memory", group.title());
        panels.push(panel(RESIDENT, title));
    }
    panels
}

fn draw(out: &mut String, panel: &Panel, top: f64) {
    let _ = writeln!(
        out,
        "<text x=\"10\" y=\"{:.1}\" font-weight=\"600\">{}</text>",
        top + 18.0,
        panel.title
    );
    let begin = top + TITLE;
    let end = begin + panel.bars_height();
    for (index, (name, ratio)) in panel.bars.iter().enumerate() {
        bar(out, name, *ratio, begin + STEP * index as f64);
    }
    for tick in TICKS {
        let x = NAMES + tick * SCALE;
        let (colour, label) = match tick {
            1.0 => ("#24292f", "1 = raw".to_owned()),
            _ => ("#d0d7de", tick.to_string()),
        };
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{end:.1}\" stroke=\"{colour}\" \
             stroke-dasharray=\"3 3\"/><text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"10\" \
             fill=\"#57606a\" text-anchor=\"middle\">{label}</text>",
            begin - 4.0,
            end + 10.0
        );
    }
}

/// A name, a bar and, in a column of its own, the figure.
fn bar(out: &mut String, name: &str, ratio: f64, y: f64) {
    let colour = match name {
        name if name.starts_with("ours") => "#1a7f37",
        name if name.starts_with("connection") => "#7ec699",
        name if name.starts_with("raw") => "#8c959f",
        _ => "#bc4c00",
    };
    let baseline = y + BAR - 3.0;
    let length = ratio.min(MOST) * SCALE;
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">{name}</text>\
         <rect x=\"{NAMES}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" \
         fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">\
         {ratio:.2}</text>",
        NAMES - 8.0,
        WIDTH - 10.0
    );
    if ratio > MOST {
        for at in [length - 22.0, length - 14.0] {
            let x = NAMES + at;
            let _ = writeln!(
                out,
                "<path d=\"M{:.1} {:.1}l6 -{}\" stroke=\"#ffffff\" stroke-width=\"3\"/>",
                x,
                y + BAR + 1.0,
                BAR + 2.0
            );
        }
    }
}
