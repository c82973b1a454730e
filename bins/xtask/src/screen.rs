//! Programs side by side: what they print goes to the screen as it comes, and can be waited for.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// How long a program may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A line of output, or the end of it.
struct Output {
    program: &'static str,
    line: String,
}

/// Programs that run at the same time. Those that still run when it is dropped are ended.
pub(crate) struct Screen {
    programs: Vec<(&'static str, Child)>,
    sender: Sender<Output>,
    output: Receiver<Output>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let (sender, output) = mpsc::channel();
        Self {
            programs: Vec::new(),
            sender,
            output,
        }
    }

    /// Starts a program. `command` is shown as a user would type it.
    pub(crate) fn start(&mut self, program: &'static str, command: &mut Command) -> Result<()> {
        show(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        self.follow(program, child.stdout.take());
        self.follow(program, child.stderr.take());
        self.programs.push((program, child));
        Ok(())
    }

    fn follow(&self, program: &'static str, pipe: Option<impl Read + Send + 'static>) {
        let sender = self.sender.clone();
        let Some(pipe) = pipe else { return };
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(Output { program, line }).is_err() {
                    return;
                }
            }
        });
    }

    /// Shows output until `done` has said yes to a line of `program`.
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        bound: Duration,
        program: &str,
        mut done: impl FnMut(&str) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + bound;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Often enough to see that a program has ended.
            let output = match self
                .output
                .recv_timeout(left.min(Duration::from_millis(200)))
            {
                Ok(output) => output,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    bail!("not within {} s: {what}", bound.as_secs())
                }
                Err(_) => {
                    self.check_running()?;
                    continue;
                }
            };
            print_line(&output);
            if output.program == program && done(&output.line) {
                return Ok(());
            }
        }
    }

    /// Ends every program with SIGTERM, the last one first, and shows the rest of what they say.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.check_running()?;
        while let Some((program, mut child)) = self.programs.pop() {
            terminate(&child)?;
            let deadline = Instant::now() + GRACE;
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if Instant::now() > deadline {
                    child.kill()?;
                    bail!(
                        "{program} did not end within {} s of SIGTERM",
                        GRACE.as_secs()
                    );
                }
                thread::sleep(Duration::from_millis(20));
            };
            // A short wait for the readers of its pipes, which see the end a moment later.
            while let Ok(output) = self.output.recv_timeout(Duration::from_millis(100)) {
                print_line(&output);
            }
            ensure!(status.success(), "{program} ended with {status}");
        }
        Ok(())
    }

    fn check_running(&mut self) -> Result<()> {
        for (program, child) in &mut self.programs {
            if let Some(status) = child.try_wait()? {
                bail!("{program} ended by itself: {status}");
            }
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for (_, child) in &mut self.programs {
            let _ = child.kill();
            let _ = child.wait();
        }
        while let Ok(output) = self.output.try_recv() {
            print_line(&output);
        }
    }
}

/// Runs a program to its end, which has to be with exit code `code`, and returns what it printed.
/// That is shown as well.
pub(crate) fn ask(command: &mut Command, code: i32) -> Result<String> {
    show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.code() == Some(code),
        "{} and not exit code {code}:\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    for line in text.lines() {
        println!("           {line}");
    }
    Ok(text)
}

fn show(command: &Command) {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    println!("         $ {}", words.join(" "));
}

fn print_line(output: &Output) {
    println!("{:>8} | {}", output.program, output.line);
}

/// The shell's builtin spares a dependency for one system call.
fn terminate(child: &Child) -> Result<()> {
    let kill = format!("kill -TERM {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status()?;
    ensure!(status.success(), "`{kill}`: {status}");
    Ok(())
}
