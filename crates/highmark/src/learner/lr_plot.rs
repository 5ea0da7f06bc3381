//! The picture of a learning rate range test.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use plotters::prelude::*;

use super::atomic_file;
use super::lr_find::LrFind;
use crate::{Error, Result};

const CAPTION: &str = "learning rate range test";

/// Whether a file is such a picture: its caption comes before the curve.
pub(crate) fn is_drawn(path: &Path) -> bool {
    const BEGINNING: u64 = 2048;
    // Opening what is no file, such as a pipe, may wait for ever.
    let file = path.is_file().then(|| File::open(path).ok()).flatten();
    let mut beginning = Vec::new();
    let read = file.is_some_and(|file| file.take(BEGINNING).read_to_end(&mut beginning).is_ok());
    let text = String::from_utf8_lossy(&beginning);
    read && text.starts_with("<svg") && text.contains(CAPTION)
}

/// Writes an SVG of 800 × 500 pixels: the smoothed loss over the rate, logarithmic, and the suggestions as dots.
pub(crate) fn draw(found: &LrFind, path: &Path) -> Result<()> {
    let points: Vec<(f64, f64)> = found
        .lrs
        .iter()
        .zip(&found.losses)
        .take(found.losses.len().saturating_sub(5))
        .map(|(lr, loss)| (*lr, f64::from(*loss)))
        .filter(|(_, loss)| loss.is_finite())
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(Error::training("the range test ended too early for a picture; take a lower start"));
    };
    let low = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let margin = ((high - low) * 0.05).max(1e-9);
    let suggestions = [
        ("valley", found.valley(), RED),
        ("slide", found.slide(), GREEN),
        ("minimum", found.minimum(), MAGENTA),
        ("steep", found.steep(), BLACK),
    ];
    let mut svg = String::new();
    let drawn = (|| {
        let area = SVGBackend::with_string(&mut svg, (800, 500)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(CAPTION, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(45)
            .y_label_area_size(60)
            .build_cartesian_2d((first.0..last.0).log_scale(), low - margin..high + margin)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("learning rate")
            .y_desc("loss (smoothed)")
            .x_label_formatter(&|lr| format!("{lr:.0e}"))
            .draw()?;
        chart.draw_series(LineSeries::new(points.clone(), BLUE.stroke_width(2)))?;
        for (name, suggestion, colour) in suggestions {
            let Some(suggestion) = suggestion else { continue };
            let point = (suggestion.point.0, f64::from(suggestion.point.1));
            chart
                .draw_series([Circle::new(point, 5, colour.filled())])?
                .label(format!("{name}: {:.2e}", suggestion.lr))
                .legend(move |(x, y)| Circle::new((x + 8, y), 5, colour.filled()));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE)
            .border_style(BLACK)
            .position(SeriesLabelPosition::LowerLeft)
            .draw()?;
        area.present()
    })();
    drawn.map_err(|e| Error::training(format!("the picture could not be drawn: {e}")))?;
    atomic_file::write_file(path, svg.as_bytes())
}
