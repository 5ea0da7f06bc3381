//! A bar chart of an epoch of the article's model, as SVG.

use std::fmt::Write;

use super::Outcome;
use super::contenders::Work;
use crate::bench::pairs::spread;
use crate::bench::rows::time;

const WIDTH: f64 = 860.0;
/// Where the bars begin and where they may end.
const LEFT: f64 = 330.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 64.0;
const BAR: f64 = 22.0;
const STEP: f64 = 32.0;

struct Bar {
    name: String,
    seconds: f64,
    ours: bool,
}

/// The chart: a bar each, the fastest first, on a scale of powers of ten.
pub(crate) fn draw(outcomes: &[Outcome]) -> String {
    let rows: Vec<_> = outcomes.iter().filter(|outcome| outcome.contender.work == Work::Article).collect();
    let ours: Vec<f64> = rows.iter().flat_map(|outcome| outcome.times.a.iter().copied()).collect();
    let mut bars = vec![Bar { name: "highmark on 2 threads".into(), seconds: spread(&ours).0, ours: true }];
    bars.extend(rows.iter().map(|outcome| Bar {
        name: outcome.contender.name.replace('`', ""),
        seconds: spread(&outcome.times.b).0,
        ours: outcome.contender.name.starts_with("highmark"),
    }));
    svg(bars)
}

/// Writing to a String cannot fail, here and below.
fn svg(mut bars: Vec<Bar>) -> String {
    bars.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let ends = |pick: fn(f64) -> f64, seconds: f64| pick(seconds.max(1e-9).log10()) as i32;
    let low = bars.first().map_or(-2, |bar| ends(f64::floor, bar.seconds));
    let high = bars.last().map_or(1, |bar| ends(f64::ceil, bar.seconds)).max(low + 1);
    let x = |seconds: f64| LEFT + (RIGHT - LEFT) * (seconds.log10() - f64::from(low)) / f64::from(high - low);
    let bottom = TOP + STEP * bars.len() as f64;
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#24292f\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\">Time of an epoch of the article's model</text>\n\
         <text x=\"16\" y=\"46\">505 steps of 64 rows; shorter is better; each line is ten times the one before</text>\n"
    );
    for power in low..=high {
        let seconds = 10_f64.powi(power);
        let x = x(seconds);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#d0d7de\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 20.0,
            plain(seconds)
        );
    }
    for (i, bar) in bars.iter().enumerate() {
        let y = TOP + STEP * i as f64 + (STEP - BAR) / 2.0;
        let colour = if bar.ours { "#0969da" } else { "#8c959f" };
        let (end, text) = (x(bar.seconds), y + 16.0);
        let weight = if bar.ours { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\"{weight}>{}</text>\
             <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\"{weight}>{}</text>",
            LEFT - 10.0,
            bar.name.replace('&', "&amp;").replace('<', "&lt;"),
            (end - LEFT).max(1.0),
            end + 6.0,
            time(bar.seconds)
        );
    }
    svg + "</svg>\n"
}

/// A power of ten without needless digits.
fn plain(seconds: f64) -> String {
    if seconds >= 1.0 { format!("{seconds:.0} s") } else { format!("{} ms", seconds * 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_times_have_longer_bars() {
        let bar = |name: &str, seconds| Bar { name: name.into(), seconds, ours: false };
        let svg = svg(vec![bar("slow", 3.0), bar("fast & small", 0.03)]);
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains(&format!("height=\"{BAR}\"")))
            .filter_map(|line| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.len(), 2);
        assert!(widths[0] < widths[1], "{widths:?}");
        assert!(svg.contains("fast &amp; small") && svg.contains("3.00 s") && svg.contains("100 ms"));
    }
}
