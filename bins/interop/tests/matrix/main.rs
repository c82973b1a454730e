//! The interoperability matrix: the agent against each router, over each family, feature by feature. `docs/interop.md`
//! is written here.
//!
//! Each cell is a lab of its own, and several run at a time. `MATRIX=frr,ipv6,md5` runs the cells whose name
//! (`FRR IPv6 MD5`) has all of these in it, and writes nothing.

mod cell;
mod document;
mod stories;

use std::collections::BTreeMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop::{RouterKind, available};

use cell::{Cell, Family};
use stories::{FEATURES, Feature, Verdict};

/// In the order of the document.
const ROUTERS: [RouterKind; 5] = [
    RouterKind::Bird,
    RouterKind::Frr,
    RouterKind::Gobgp,
    RouterKind::Openbgpd,
    RouterKind::Exabgp,
];

/// Cells that run at a time. Most of a cell is waiting.
const AT_A_TIME: usize = 10;

/// Which router, family and feature, by their places in the lists.
type Place = (usize, Family, usize);

fn name(place: Place) -> String {
    let (router, family, feature) = place;
    format!("{} {family} {}", ROUTERS[router], FEATURES[feature].name)
}

#[test]
fn every_feature_with_every_router() {
    if !available(&ROUTERS) {
        return;
    }
    let wanted = env::var("MATRIX").unwrap_or_default().to_lowercase();
    let is_wanted = |place: &Place| {
        let name = name(*place).to_lowercase();
        wanted.split(',').all(|part| name.contains(part))
    };
    let mut places = Vec::new();
    // Routers that hold down their dialling first, since these take longest.
    for router in (0..ROUTERS.len()).rev() {
        for feature in 0..FEATURES.len() {
            places.extend([Family::Ipv4, Family::Ipv6].map(|family| (router, family, feature)));
        }
    }
    places.retain(is_wanted);
    let begin = Instant::now();
    let results = run(&places);
    println!(
        "{} cells in {:.1} min",
        results.len(),
        begin.elapsed().as_secs_f64() / 60.0
    );

    let failed: Vec<_> = results
        .iter()
        .filter(|(_, result)| result.is_err())
        .collect();
    for (place, result) in &failed {
        println!(
            "\n######## {}: {}",
            name(**place),
            result.as_ref().err().map_or("", |e| e)
        );
    }
    let names: Vec<_> = failed.iter().map(|(place, _)| name(**place)).collect();
    assert!(names.is_empty(), "{} cells failed: {names:?}", names.len());
    if wanted.is_empty() {
        let verdicts = results
            .into_iter()
            .filter_map(|(place, it)| Some((place, it.ok()?)));
        document::write(&verdicts.collect());
    }
}

fn run(places: &[Place]) -> BTreeMap<Place, Result<Verdict, String>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begin = Instant::now();
                    let result = live_through(*place);
                    report(*place, &result, begin.elapsed());
                    let mut results = results.lock().unwrap_or_else(|e| e.into_inner());
                    results.insert(*place, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(|e| e.into_inner())
}

fn report(place: Place, result: &Result<Verdict, String>, took: Duration) {
    let verdict = match result {
        Ok(Verdict::Works) => "works",
        Ok(Verdict::Limited(_)) => "works as far as the router can",
        Err(_) => "FAILED",
    };
    println!("{}: {verdict} ({:.1} s)", name(place), took.as_secs_f64());
}

fn live_through((router, family, feature): Place) -> Result<Verdict, String> {
    let Feature { setup, story, .. } = &FEATURES[feature];
    let kind = ROUTERS[router];
    let mut cell =
        Cell::new(kind, family, setup(kind)).map_err(|error| format!("the lab: {error:#}"))?;
    story(&mut cell).map_err(|error| format!("{error:#}\n{}", cell.lab.logs()))
}
