//! What criterion found, as one table.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::event::{SINGLE, WIDE};
use crate::time::{FRESH, RELIST, SIZES, Touched};

/// The medians under criterion's folder that were written since `begin`, in Markdown.
pub(crate) fn of(
    folder: &Path,
    begin: SystemTime,
    touched: &Touched,
) -> Result<String, Box<dyn Error>> {
    let row = |name: &'static str| -> Result<_, Box<dyn Error>> {
        let mut cells = [None; SIZES.len()];
        for (cell, services) in cells.iter_mut().zip(SIZES) {
            let file = folder.join(name).join(services.to_string());
            *cell = median(&file.join("new/estimates.json"), begin)?;
        }
        Ok((name, cells))
    };
    let events = SINGLE.iter().chain(&WIDE).map(|event| event.name);
    let rows: Vec<_> = events
        .chain([RELIST, FRESH])
        .map(row)
        .collect::<Result<_, _>>()?;
    let measured = |(_, cells): &(_, [Option<f64>; SIZES.len()])| cells.iter().any(Option::is_some);
    if !rows.iter().any(measured) {
        return Ok(String::new());
    }
    let fresh = rows.last().and_then(|(_, cells)| *cells.last()?);
    let mut text = String::from("\n| event, among so many Services |");
    for services in SIZES {
        write!(text, " {services} |")?;
    }
    text.push_str(
        " most / fewest | a fresh engine / this, among most | records looked at |\n| --- |",
    );
    text.push_str(&" ---: |".repeat(SIZES.len() + 3));
    text.push('\n');
    for (name, cells) in rows.iter().filter(|row| measured(row)) {
        write!(text, "| {name} |")?;
        for cell in cells {
            write!(text, " {} |", cell.map_or("–".to_owned(), time))?;
        }
        let (fewest, most) = (cells[0], cells[SIZES.len() - 1]);
        let growth = fewest.zip(most).map(|(fewest, most)| most / fewest);
        let gain = fresh.zip(most).map(|(fresh, most)| fresh / most);
        let ratio = |ratio: Option<f64>| match ratio {
            None => "–".to_owned(),
            Some(ratio) if ratio < 100.0 => format!("{ratio:.2}"),
            Some(ratio) => format!("{ratio:.0}"),
        };
        let records = touched.get(name).map_or(&[][..], Vec::as_slice);
        let records = match records {
            [] => "–".to_owned(),
            [fewest, .., most] if fewest != most => format!("{fewest} to {most}"),
            [same, ..] => same.to_string(),
        };
        writeln!(text, " {} | {} | {records} |", ratio(growth), ratio(gain))?;
    }
    Ok(text)
}

/// The median in nanoseconds; none where nothing was measured since `begin`.
fn median(file: &Path, begin: SystemTime) -> Result<Option<f64>, Box<dyn Error>> {
    let Ok(metadata) = fs::metadata(file) else {
        return Ok(None);
    };
    if metadata.modified()? < begin {
        return Ok(None);
    }
    let estimates: Value = serde_json::from_slice(&fs::read(file)?)?;
    Ok(estimates["median"]["point_estimate"].as_f64())
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        it if it < 1e3 => format!("{it:.0} ns"),
        it if it < 1e6 => format!("{:.2} µs", it / 1e3),
        it if it < 1e9 => format!("{:.2} ms", it / 1e6),
        it => format!("{:.2} s", it / 1e9),
    }
}
