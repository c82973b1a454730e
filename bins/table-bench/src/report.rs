//! Medians, spreads and ratios, as a table and as a plot.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::cell::{Sender, Version};
use crate::receive::Seen;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) version: Version,
    pub(crate) count: u32,
    pub(crate) receivers: u16,
    pub(crate) sender: Sender,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sender, version) = (self.sender, self.version);
        let (count, receivers) = (self.count, self.receivers);
        write!(f, "{sender:11} {version} {count:8} to {receivers:2}")
    }
}

/// One run of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) seen: Seen,
    /// Seconds of CPU of the sender.
    pub(crate) cpu: f64,
    /// The most octets that the sender has had resident, loading included.
    pub(crate) memory: u64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.seen.first_update, self.seen.last_prefix);
        write!(
            f,
            "first UPDATE {}, last prefix {} s; CPU {:.2} s, receiver's {:.2} s; {} MB; {} NLRI",
            first.map_or("-".into(), seconds),
            last.map_or(">120".into(), seconds),
            self.cpu,
            self.seen.cpu,
            self.memory / 1_000_000,
            self.seen.prefixes,
        )
    }
}

/// The runs of all cells.
#[derive(Default)]
pub(crate) struct Results(BTreeMap<Cell, Vec<Run>>);

impl Results {
    pub(crate) fn add(&mut self, cell: Cell, run: Run) {
        self.0.entry(cell).or_default().push(run);
    }

    /// The time to the last prefix of our own speaker in the same place.
    fn ours(&self, cell: Cell) -> Option<f64> {
        let ours = Cell {
            sender: Sender::Ours,
            ..cell
        };
        median(&times(self.0.get(&ours)?))
    }
}

/// Times to the last prefix, in order; infinite where it did not come.
fn times(runs: &[Run]) -> Vec<f64> {
    sorted(
        runs.iter()
            .map(|it| it.seen.last_prefix.unwrap_or(f64::INFINITY)),
    )
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

/// Three significant digits or so, so that milliseconds and minutes read alike.
fn seconds(value: f64) -> String {
    match value {
        _ if value.is_infinite() => "> 120".into(),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ if value >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    }
}

/// A table in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let mut text = String::from(
        "| prefixes | receivers | sender | to the last prefix, s | of bgp-speaker's | to the first UPDATE, s | CPU, s | receiver's CPU, s | peak memory, MB |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (cell, runs) in &results.0 {
        let times = times(runs);
        let (Some(middle), Some(least), Some(most)) = (median(&times), times.first(), times.last())
        else {
            continue;
        };
        let ratio = results.ours(*cell).map_or("-".into(), |ours| {
            if middle.is_infinite() {
                format!("> {:.0}", 120.0 / ours)
            } else {
                format!("{:.2}", middle / ours)
            }
        });
        let of =
            |value: fn(&Run) -> f64| median(&sorted(runs.iter().map(value))).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} {} | {} | {} | {} ({}–{}) | {ratio} | {} | {:.2} | {:.2} | {:.0} |",
            grouped(cell.count),
            cell.version,
            cell.receivers,
            cell.sender,
            seconds(middle),
            seconds(*least),
            seconds(*most),
            seconds(of(|it| it.seen.first_update.unwrap_or(f64::INFINITY))),
            of(|it| it.cpu),
            of(|it| it.seen.cpu),
            of(|it| it.memory as f64 / 1e6),
        );
    }
    text
}

/// A number with commas.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds at the left and the right end of the plot's bars.
const SCALE: (f64, f64) = (0.0001, 120.0);
const WIDTH: f64 = 420.0;
const ROW: usize = 20;
const LEFT: usize = 330;

/// Bars on a logarithmic scale, one for each cell, in SVG.
pub(crate) fn plot(results: &Results) -> String {
    let rows = results.0.len();
    let (width, height) = (LEFT + WIDTH as usize + 90, rows * ROW + 50);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\">Seconds from Established to the last prefix (median, logarithmic)</text>\n"
    );
    for tick in [0.001, 0.01, 0.1, 1.0, 10.0, 100.0] {
        let x = LEFT as f64 + length(tick);
        let bottom = height - 8;
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"36\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"34\" text-anchor=\"middle\" fill=\"#555\">{tick}</text>"
        );
    }
    for (at, (cell, runs)) in results.0.iter().enumerate() {
        let middle = median(&times(runs)).unwrap_or(f64::INFINITY);
        let (y, x) = (40 + at * ROW, LEFT);
        let bar = length(middle.min(SCALE.1));
        let colour = match cell.sender {
            Sender::Raw => "#999",
            Sender::Ours => "#1a7f37",
            Sender::Bird => "#9a6700",
            Sender::Frr => "#cf222e",
            Sender::Gobgp => "#8250df",
        };
        let label = format!(
            "{} {} to {}: {}",
            grouped(cell.count),
            cell.version,
            cell.receivers,
            cell.sender
        );
        let (baseline, end) = (y + 14, x as f64 + bar + 4.0);
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{x}\" y=\"{}\" width=\"{bar:.1}\" height=\"14\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{baseline}\">{}</text>",
            x - 6,
            y + 3,
            seconds(middle)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// How long a bar is.
fn length(value: f64) -> f64 {
    let (least, most) = (SCALE.0.log10(), SCALE.1.log10());
    (value.max(SCALE.0).log10() - least) / (most - least) * WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(last_prefix: Option<f64>) -> Run {
        Run {
            seen: Seen {
                last_prefix,
                first_update: Some(0.001),
                cpu: 0.1,
                prefixes: 10,
            },
            cpu: 0.2,
            memory: 5_000_000,
        }
    }

    fn cell(sender: Sender) -> Cell {
        Cell {
            version: Version::V4,
            count: 1_000_000,
            receivers: 16,
            sender,
        }
    }

    #[test]
    fn a_row_has_median_spread_and_ratio() {
        let mut results = Results::default();
        for time in [0.03, 0.01, 0.02] {
            results.add(cell(Sender::Ours), run(Some(time)));
        }
        results.add(cell(Sender::Bird), run(Some(13.0)));
        results.add(cell(Sender::Gobgp), run(None));
        let table = table(&results);
        assert!(table.contains(
            "| 1,000,000 IPv4 | 16 | bgp-speaker | 0.0200 (0.0100–0.0300) | 1.00 | 0.0010 | 0.20 | 0.10 | 5 |"
        ));
        assert!(table.contains("| BIRD | 13.0 (13.0–13.0) | 650.00 |"));
        assert!(table.contains("| GoBGP | > 120 (> 120–> 120) | > 6000 |"));
        assert_eq!(plot(&results).matches("<rect x=").count(), 3);
    }
}
