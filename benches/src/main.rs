//! Times of all codecs on the same messages, in rounds that take turns; with `--instructions`, what callgrind counts.
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml -- [--rounds N] [--sample N] [--block N] [--instructions]
//! ```

use codec_bench::codecs::{EachCodec, EachEncoder, each_codec, each_encoder};
use codec_bench::{Codec, Encoder, Message, digest, messages, select};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::rc::Rc;

/// Messages of the generated set.
const GENERATED: usize = 20_000;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!(
                "{problem}\nusage: codec-bench [--rounds N] [--sample N] [--block N] [--instructions]"
            );
            return ExitCode::from(2);
        }
    };
    if let Some((set, name)) = &options.once {
        return once(set, name, &options);
    }
    for set in ["generated", "corpus"] {
        let Some(messages) = load(set, options.sample, true) else {
            let path = messages::corpus_path();
            println!("\n{set}: skipped, nothing at {}", path.display());
            continue;
        };
        if options.instructions {
            report_instructions(set, &messages, &options);
        } else {
            report_times(&messages, &options);
        }
    }
    ExitCode::SUCCESS
}

struct Options {
    rounds: usize,
    /// Every which message is taken.
    sample: usize,
    /// How many messages are gone through [`PASSES`] times before the next ones, so that they are in the processor's caches as
    /// those of a socket are that was just read. All at once where this is zero: then most come from memory.
    block: usize,
    instructions: bool,
    /// One job on one set, for callgrind: set and job.
    once: Option<(String, String)>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 31,
            sample: 1,
            block: 0,
            instructions: false,
            once: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text}: not a number"));
            match arg.as_str() {
                "--rounds" => options.rounds = number(value()?)?,
                "--sample" => options.sample = number(value()?)?,
                "--block" => options.block = number(value()?)?,
                "--instructions" => options.instructions = true,
                "--once" => options.once = Some((value()?, value()?)),
                other => return Err(format!("{other}: unknown")),
            }
        }
        if options.rounds == 0 || options.sample == 0 {
            return Err("--rounds and --sample are at least 1".into());
        }
        Ok(options)
    }
}

/// The messages of a set that all codecs agree on.
fn load(set: &str, sample: usize, verbose: bool) -> Option<Rc<[Message]>> {
    let messages = match set {
        "generated" => messages::generated(GENERATED),
        _ => messages::corpus()?,
    };
    let messages: Vec<_> = messages.into_iter().step_by(sample).collect();
    let all = messages.len();
    let selection = select(messages);
    if verbose {
        let octets: usize = selection.messages.iter().map(|it| it.octets.len()).sum();
        let count = selection.messages.len();
        println!(
            "\n{set}: {count} of {all} UPDATEs, mean {:.1} octets",
            octets as f64 / count as f64
        );
        println!("left out, by codec that differs: {:?}", selection.left_out);
    }
    Some(selection.messages.into())
}

/// How often the messages of a block are gone through.
const PASSES: usize = 8;

/// Something that is done once with every message of a set.
struct Job {
    name: String,
    /// Against which the targets are.
    competitor: bool,
    what: What,
    /// How many messages it is about.
    messages: usize,
    run: Box<dyn FnMut() -> u64>,
}

fn jobs(messages: &Rc<[Message]>, block: usize) -> Vec<Job> {
    let mut jobs = Jobs {
        messages: Rc::clone(messages),
        block,
        jobs: Vec::new(),
    };
    each_codec(&mut jobs);
    each_encoder(&mut jobs);
    jobs.jobs
}

/// What a job does with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Decodes it and reads all that is in it.
    Read,
    /// Decodes it, and drops what came out.
    Decode,
    /// Writes it.
    Encode,
}

impl What {
    const ALL: [(Self, &str); 3] = [
        (Self::Read, "decode and read"),
        (Self::Decode, "decode alone"),
        (Self::Encode, "encode"),
    ];
}

struct Jobs {
    messages: Rc<[Message]>,
    block: usize,
    jobs: Vec<Job>,
}

impl Jobs {
    /// Adds a job that does `one` with each of `items`.
    fn push<T: 'static>(
        &mut self,
        name: String,
        what: What,
        items: Rc<[T]>,
        mut one: impl FnMut(&T) -> u64 + 'static,
    ) {
        let (block, passes) = match self.block {
            0 => (items.len().max(1), 1),
            block => (block, PASSES),
        };
        let messages = items.len() * passes;
        let run = move || {
            let mut sum = 0u64;
            for some in items.chunks(block) {
                for _ in 0..passes {
                    for item in some {
                        sum = sum.wrapping_add(one(black_box(item)));
                    }
                }
            }
            sum
        };
        self.jobs.push(Job {
            competitor: !name.starts_with("bgp-wire"),
            what,
            messages,
            name,
            run: Box::new(run),
        });
    }
}

impl EachCodec for Jobs {
    fn codec<C: Codec + 'static>(&mut self) {
        let mut codec = C::new();
        let messages = Rc::clone(&self.messages);
        self.push(C::NAME.into(), What::Read, messages, move |message| {
            digest(&mut codec, message).unwrap_or(0)
        });
        let mut codec = C::new();
        let messages = Rc::clone(&self.messages);
        let name = format!("{}, not read", C::NAME);
        self.push(name, What::Decode, messages, move |message| {
            u64::from(black_box(codec.decode(message)).is_some())
        });
    }
}

impl EachEncoder for Jobs {
    fn encoder<E: Encoder + 'static>(&mut self) {
        let mut codec = E::new();
        let built: Rc<[_]> = self
            .messages
            .iter()
            .filter_map(|it| codec.build(it))
            .collect();
        let mut out = Vec::with_capacity(1 << 16);
        let name = format!("{} to octets", E::NAME);
        self.push(name, What::Encode, built, move |values| {
            out.clear();
            match codec.encode(values, &mut out) {
                Some(()) => black_box(&out).len() as u64,
                None => 0,
            }
        });
    }
}

fn report_times(messages: &Rc<[Message]>, options: &Options) {
    let rounds = options.rounds;
    let mut jobs = jobs(messages, options.block);
    let mut times = vec![Vec::with_capacity(rounds); jobs.len()];
    let mut sums = vec![None; jobs.len()];
    for round in 0..=rounds {
        for turn in 0..jobs.len() {
            // Every round starts with another job.
            let at = (turn + round) % jobs.len();
            let start = cpu_time();
            let sum = black_box((jobs[at].run)());
            let time = (cpu_time() - start) / jobs[at].messages as f64;
            // The first round warms up.
            if round > 0 {
                times[at].push(time);
            }
            assert_eq!(*sums[at].get_or_insert(sum), sum, "{}", jobs[at].name);
        }
    }
    times.iter_mut().for_each(|it| it.sort_by(f64::total_cmp));
    let medians: Vec<_> = times.iter().map(|it| it[it.len() / 2]).collect();
    for (what, title) in What::ALL {
        let group = |at: &usize| jobs[*at].what == what;
        let fastest = (0..jobs.len())
            .filter(group)
            .filter(|at| jobs[*at].competitor)
            .map(|at| medians[at])
            .fold(f64::INFINITY, f64::min);
        println!(
            "{title}, {rounds} rounds, ns of CPU per UPDATE: median (10th to 90th percentile)"
        );
        for at in (0..jobs.len()).filter(group) {
            let percentile = |p: usize| times[at][p * (times[at].len() - 1) / 100];
            println!(
                "  {:36} {:7.1} ({:.1} to {:.1})  {:5.2} times as fast as the fastest other; {} messages",
                jobs[at].name,
                medians[at],
                percentile(10),
                percentile(90),
                fastest / medians[at],
                jobs[at].messages,
            );
        }
    }
}

/// Nanoseconds that this thread had a processor: what others do on the machine counts less than on a wall clock.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// One more round costs what the difference between two runs says; all else is the same.
fn report_instructions(set: &str, messages: &Rc<[Message]>, options: &Options) {
    println!("instructions per UPDATE, by callgrind");
    for job in jobs(messages, 0) {
        let count = |rounds| callgrind(set, &job.name, options.sample, rounds);
        let result = count(1).and_then(|one| Ok((one, count(3)?)));
        match result {
            Ok((one, three)) => {
                let each = (three - one) as f64 / 2.0 / job.messages as f64;
                println!("  {:40} {each:7.0}", job.name);
            }
            Err(problem) => {
                println!("  skipped: {problem}");
                return;
            }
        }
    }
}

fn callgrind(set: &str, job: &str, sample: usize, rounds: usize) -> Result<u64, String> {
    let itself = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(itself)
        .args(["--once", set, job])
        .args(["--rounds", &rounds.to_string()])
        .args(["--sample", &sample.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or(format!("callgrind did not count: {text}"))
}

fn once(set: &str, name: &str, options: &Options) -> ExitCode {
    let job = load(set, options.sample, false).and_then(|messages| {
        jobs(&messages, options.block)
            .into_iter()
            .find(|job| job.name == name)
    });
    let Some(mut job) = job else {
        eprintln!("{name} on {set}: unknown");
        return ExitCode::from(2);
    };
    for _ in 0..options.rounds {
        black_box((job.run)());
    }
    ExitCode::SUCCESS
}
