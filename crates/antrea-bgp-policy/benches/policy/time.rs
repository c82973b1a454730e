//! Single events by criterion. An engine that begins with the same objects shows what an event would cost that made it look
//! at everything again.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use antrea_bgp_policy::{Engine, Input};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion};

use crate::cluster::{self, drain};
use crate::event::{Event, SINGLE, WIDE};
use crate::table;

/// How many Services there are.
pub(crate) const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];

/// All that a node needs to know, in an engine that knows nothing.
pub(crate) const FRESH: &str = "a fresh engine, all objects";

/// All that is known already, once more.
pub(crate) const RELIST: &str = "all kinds listed again, no change";

/// The group of benches, which is a folder of criterion's.
const GROUP: &str = "policy";

/// Inputs that are made before the clock runs: few enough to stay in the first caches.
const BATCH: BatchSize = BatchSize::NumIterations(32);

/// How many records an engine looked at for an event, in the order of [`SIZES`].
pub(crate) type Touched = HashMap<&'static str, Vec<u64>>;

/// Times everything, and prints a table of it.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let begin = SystemTime::now();
    let mut criterion = Criterion::default()
        .output_directory(&folder)
        .configure_from_args();
    let mut group = criterion.benchmark_group(GROUP);
    let mut touched = Touched::new();
    for services in SIZES {
        size(&mut group, services, &mut touched);
    }
    group.finish();
    criterion.final_summary();
    print!("{}", table::of(&folder.join(GROUP), begin, &touched)?);
    Ok(())
}

fn size(group: &mut BenchmarkGroup<'_, WallTime>, services: u32, touched: &mut Touched) {
    let lists = cluster::lists(services);
    let mut engine = fed(lists.clone());
    quick(group);
    for event in &SINGLE {
        let records = look(&mut engine, event, services);
        touched.entry(event.name).or_default().push(records);
        turns(group, &mut engine, event, services);
    }
    slow(group);
    for event in &WIDE {
        let records = look(&mut engine, event, services);
        touched.entry(event.name).or_default().push(records);
        turns(group, &mut engine, event, services);
    }
    group.bench_function(BenchmarkId::new(RELIST, services), |bencher| {
        bencher.iter_batched(
            || lists.clone(),
            |lists| {
                lists.into_iter().for_each(|list| engine.handle(list));
                assert_eq!(drain(&mut engine), 0);
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function(BenchmarkId::new(FRESH, services), |bencher| {
        bencher.iter_batched(|| lists.clone(), fed, BatchSize::PerIteration);
    });
}

/// An engine that has done all that follows from these inputs.
fn fed(lists: Vec<Input>) -> Engine {
    let mut engine = Engine::new(cluster::NODE);
    for list in lists {
        engine.handle(list);
        drain(&mut engine);
    }
    engine
}

fn quick(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.sample_size(50);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
}

fn slow(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(1));
    group.measurement_time(Duration::from_secs(1));
}

/// Lets an event happen once, to see that it is what it seems to be, and returns how many records that takes.
fn look(engine: &mut Engine, event: &Event, services: u32) -> u64 {
    let before = engine.touched();
    let [records, _] = [true, false].map(|changed| {
        engine.handle((event.input)(0, changed));
        assert_eq!(drain(engine), (event.effects)(services), "{}", event.name);
        engine.touched() - before
    });
    records
}

/// Lets an event happen to targets at random, and happen to each again in the other direction.
fn turns(
    group: &mut BenchmarkGroup<'_, WallTime>,
    engine: &mut Engine,
    event: &Event,
    services: u32,
) {
    let mut random = fastrand::Rng::with_seed(u64::from(services));
    let mut changed = vec![false; services as usize];
    let mut turn = || {
        let target = event
            .every
            .map_or(0, |every| random.u32(..services / every) * every);
        let changed = &mut changed[target as usize];
        *changed = !*changed;
        (event.input)(target, *changed)
    };
    group.bench_function(BenchmarkId::new(event.name, services), |bencher| {
        bencher.iter_batched(
            &mut turn,
            |input| {
                engine.handle(input);
                drain(engine)
            },
            BATCH,
        );
    });
    // As it was, for the next event.
    for target in (0..services).filter(|target| changed[*target as usize]) {
        engine.handle((event.input)(target, false));
    }
    drain(engine);
}
