//! Plots: ratios beside their bars, what a message costs a server, and how long answers and wakes take.
//!
//! Each is a list of groups, a group a load, with a bar for each peer that it shows; names stand on the left.

use std::path::Path;

use anyhow::{anyhow, Result};
use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, BLACK, WHITE};

use super::print::number;
use super::{Report, Row};
use crate::peers::{MIO, NAMES, POISED};

/// A plot: what it shows, and of which rows.
pub(super) struct Plot {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    axis: Axis,
    shows: fn(&Row) -> bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// poised's ratio to mio, and what is asked of it.
    Ratio,
    /// A figure of each peer; of nanoseconds.
    Nanos,
    /// Likewise, of microseconds, by powers of ten.
    LogMicros,
}

pub(super) const PLOTS: &[Plot] = &[
    Plot {
        file: "ratios.svg",
        title: "poised to mio: less is better. Red: what is asked",
        axis: Axis::Ratio,
        shows: |row| row.bar.is_some() && row.poised().ratio_to_mio.is_some() && row.peers[MIO].figure > 0.0,
    },
    Plot {
        file: "echo.svg",
        title: "CPU time of the server for a message or a connection, ns",
        axis: Axis::Nanos,
        shows: |row| row.quantity.starts_with("server CPU"),
    },
    Plot {
        file: "delays.svg",
        title: "median delay as a client sees it, of a wake, and of poll(100 µs), µs",
        axis: Axis::LogMicros,
        shows: |row| row.unit == "µs" && !row.quantity.contains('%'),
    },
];

const COLOURS: [RGBColor; NAMES.len()] =
    [RGBColor(150, 150, 150), RGBColor(222, 143, 5), RGBColor(1, 115, 178), RGBColor(204, 120, 188)];
const ASKED: RGBColor = RGBColor(200, 30, 30);

const WIDTH: u32 = 960;
/// For the names.
const LEFT: u32 = 420;
const BAR: u32 = 14;
const GAP: u32 = 10;
const TOP: u32 = 40;
const BOTTOM: u32 = 40;

/// A load: its name, a bar for each peer, and what is asked.
struct Group {
    name: String,
    bars: Vec<(f64, RGBColor, String)>,
    asked: Option<f64>,
}

/// Draws all plots that have something to show.
pub(super) fn draw(report: &Report, folder: &Path) -> Result<()> {
    for plot in PLOTS {
        let rows = report.rows.iter().filter(|row| (plot.shows)(row));
        let groups: Vec<Group> = rows.map(|row| group(row, plot.axis)).collect();
        if !groups.is_empty() {
            let drawn = chart(&folder.join(plot.file), plot, &groups);
            drawn.map_err(|error| anyhow!("cannot draw {}: {error}", plot.file))?;
        }
    }
    Ok(())
}

fn group(row: &Row, axis: Axis) -> Group {
    if axis != Axis::Ratio {
        let bar = |index: usize| {
            let figure = row.peers[index].figure;
            (place(figure, axis), COLOURS[index], number(figure))
        };
        return Group { name: row.title.to_owned(), bars: (0..NAMES.len()).map(bar).collect(), asked: None };
    }
    let ratio = row.poised().ratio_to_mio.unwrap_or_default();
    let asked = row.bar.as_ref().and_then(|bar| {
        let figure = bar.figure.map(|most| most / row.peers[MIO].figure);
        bar.ratio_to_mio.or(figure)
    });
    let name = format!("{}: {}", row.title, row.quantity);
    Group { name, bars: vec![(ratio, COLOURS[POISED], format!("{ratio:.2}"))], asked }
}

/// Where a figure stands on the axis.
fn place(figure: f64, axis: Axis) -> f64 {
    match axis {
        Axis::LogMicros => figure.max(0.1).log10() + 1.0,
        _ => figure,
    }
}

fn label(place: f64, axis: Axis) -> String {
    match axis {
        Axis::LogMicros => number(10_f64.powf(place - 1.0)),
        _ => number(place),
    }
}

fn height(group: &Group) -> u32 {
    group.bars.iter().map(|_| BAR).sum::<u32>() + GAP
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Names the colours.
fn legend(canvas: &Canvas, axis: Axis) -> Drawn {
    let shown = if axis == Axis::Ratio { POISED..POISED + 1 } else { 0..NAMES.len() };
    let mut left = 620;
    for index in shown {
        canvas.draw(&Rectangle::new([(left, 12), (left + 12, 24)], COLOURS[index].filled()))?;
        canvas.draw(&Text::new(NAMES[index], (left + 16, 12), ("sans-serif", 13).into_font()))?;
        left += 80;
    }
    Ok(())
}

fn chart(path: &Path, plot: &Plot, groups: &[Group]) -> Drawn {
    let inner: u32 = groups.iter().map(height).sum();
    let root = SVGBackend::new(path, (WIDTH, inner + TOP + BOTTOM)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(plot.title, (10, 10), ("sans-serif", 16).into_font()))?;
    legend(&root, plot.axis)?;
    let ends = groups.iter().flat_map(|group| group.bars.iter().map(|bar| bar.0).chain(group.asked));
    let end = ends.fold(if plot.axis == Axis::Ratio { 1.0 } else { 0.0 }, f64::max) * 1.12;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(TOP)
        .margin_right(20)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM)
        .build_cartesian_2d(0.0..end, f64::from(inner)..0.0)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().y_labels(0).x_labels(8).x_label_formatter(&|place| label(*place, plot.axis)).draw()?;
    let names = ("sans-serif", 13).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
    let mut top = 0.0;
    for group in groups {
        let at = chart.backend_coord(&(0.0, top + f64::from(height(group)) / 2.0));
        root.draw(&Text::new(group.name.clone(), (at.0 - 8, at.1), names.clone()))?;
        let mut y = top + f64::from(GAP) / 2.0;
        for (figure, colour, words) in &group.bars {
            let below = y + f64::from(BAR);
            chart.draw_series([Rectangle::new([(0.0, y + 1.0), (*figure, below - 1.0)], colour.filled())])?;
            // Behind what is asked, where that would stand across them.
            let crosses = |asked: &f64| *figure < *asked && *asked < *figure + end * 0.06;
            let left = group.asked.filter(crosses).unwrap_or(*figure) + end * 0.005;
            let words = Text::new(words.clone(), (left, y + 1.0), ("sans-serif", 11).into_font());
            chart.draw_series([words])?;
            y = below;
        }
        if let Some(asked) = group.asked {
            let line = vec![(asked, top + 1.0), (asked, y + f64::from(GAP) / 2.0 - 1.0)];
            chart.draw_series([PathElement::new(line, ASKED.stroke_width(3))])?;
        }
        top += f64::from(height(group));
    }
    root.present()?;
    Ok(())
}
