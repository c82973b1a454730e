//! The commands of a page, as a reader finds them.

use book::Page as Markdown;

use crate::common::repository;

/// A page with its commands in order.
pub(crate) struct Page {
    /// Its path in the repository.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    pub(crate) steps: Vec<Step>,
    /// Commands within the text, of which there is no output.
    pub(crate) mentions: Vec<Command>,
    /// Blocks of YAML, each with its place.
    pub(crate) manifests: Vec<(String, String)>,
}

/// What a reader does or sees next.
pub(crate) enum Step {
    Command(Command),
    /// What a program that runs prints later.
    Output {
        place: String,
        lines: Vec<String>,
    },
}

/// A command, and what the page shows of its output.
pub(crate) struct Command {
    /// File and line.
    pub(crate) place: String,
    /// As it is written.
    pub(crate) text: String,
    /// Nothing if the page shows none.
    pub(crate) output: Option<Vec<String>>,
}

impl Page {
    /// The README and every page of `docs/`.
    pub(crate) fn all() -> Vec<Self> {
        let docs = std::fs::read_dir(repository::path("docs")).expect("docs/ is there");
        let docs = docs.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = docs
            .map(|name| format!("docs/{}", name.to_str().expect("UTF-8")))
            .filter(|name| name.ends_with(".md"))
            .collect();
        names.push("README.md".to_owned());
        names.sort_unstable();
        names.into_iter().map(Self::read).collect()
    }

    fn read(name: String) -> Self {
        let text = repository::read(&name);
        let (mut steps, mut manifests) = (Vec::new(), Vec::new());
        let markdown = Markdown::parse(&text);
        let spans = markdown.spans.into_iter().filter(|it| is_command(&it.text));
        let mentions = spans
            .map(|span| Command {
                place: format!("{name}:{}", span.line),
                text: span.text,
                output: None,
            })
            .collect();
        for block in markdown.blocks {
            let lines = block.text.lines().zip(block.line..);
            let lines = lines.map(|(line, number)| (line, format!("{name}:{number}")));
            match block.language.as_str() {
                "console" => session(lines, &mut steps),
                "sh" => script(lines, &mut steps),
                "yaml" => manifests.push((format!("{name}:{}", block.line), block.text)),
                "text" => {}
                other => panic!(
                    "{name}:{}: {other:?}: a block is console (commands after `$ `, and output), sh, yaml, or text",
                    block.line
                ),
            }
        }
        Self {
            name,
            text,
            steps,
            mentions,
            manifests,
        }
    }

    pub(crate) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.steps.iter().filter_map(|step| match step {
            Step::Command(command) => Some(command),
            Step::Output { .. } => None,
        })
    }
}

/// Whether code in the text is a command of this repository, and no pattern of several.
fn is_command(span: &str) -> bool {
    let begins = ["antrea-bgp-agent ", "cargo ", "get ", "explain "];
    let command = begins.iter().any(|it| span.starts_with(it)) || span.contains(" -k ");
    command && !span.contains(['[', '|', '…'])
}

/// Commands after `$ `, each followed by its output.
fn session<'t>(lines: impl Iterator<Item = (&'t str, String)>, steps: &mut Vec<Step>) {
    let mut lines = lines.peekable();
    while let Some((line, place)) = lines.next() {
        let Some(text) = line.strip_prefix("$ ") else {
            let mut output = vec![line.to_owned()];
            while let Some((line, _)) = lines.next_if(|(line, _)| !line.starts_with("$ ")) {
                output.push(line.to_owned());
            }
            steps.push(Step::Output {
                place,
                lines: output,
            });
            continue;
        };
        let mut text = text.to_owned();
        while text.ends_with('\\') {
            let (line, _) = lines
                .next()
                .unwrap_or_else(|| panic!("{place}: goes on where?"));
            text = format!("{text}\n{line}");
        }
        let mut output = Vec::new();
        while let Some((line, _)) = lines.next_if(|(line, _)| !line.starts_with("$ ")) {
            output.push(line.to_owned());
        }
        let output = Some(output).filter(|lines| !lines.is_empty());
        steps.push(Step::Command(Command {
            place,
            text,
            output,
        }));
    }
}

/// Nothing but commands.
fn script<'t>(mut lines: impl Iterator<Item = (&'t str, String)>, steps: &mut Vec<Step>) {
    while let Some((line, place)) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut text = line.to_owned();
        let heredoc = line.ends_with("<<EOF");
        while text.ends_with('\\') || (heredoc && !text.ends_with("\nEOF")) {
            let (line, _) = lines
                .next()
                .unwrap_or_else(|| panic!("{place}: goes on where?"));
            text = format!("{text}\n{line}");
        }
        let output = None;
        steps.push(Step::Command(Command {
            place,
            text,
            output,
        }));
    }
}

impl Command {
    /// The command without a comment at its end, and without what a heredoc gives it.
    pub(crate) fn bare(&self) -> String {
        let line = match self.text.split_once("<<EOF\n") {
            Some((line, _)) => line.to_owned(),
            None => self.text.replace("\\\n", " "),
        };
        match line.rsplit_once(" # ") {
            Some((command, _)) => command.trim_end().to_owned(),
            None => line.trim_end().to_owned(),
        }
    }

    /// The comment at its end.
    pub(crate) fn comment(&self) -> &str {
        self.text
            .rsplit_once(" # ")
            .map_or("", |(_, comment)| comment)
    }

    /// What a heredoc gives it.
    pub(crate) fn heredoc(&self) -> Option<&str> {
        let (_, text) = self.text.split_once("<<EOF\n")?;
        text.strip_suffix("EOF")
    }

    /// Its words, but for variables that are set for it.
    pub(crate) fn words(&self) -> Vec<String> {
        let bare = self.bare();
        let words = bare.split_whitespace();
        words
            .skip_while(|word| is_assignment(word))
            .map(str::to_owned)
            .collect()
    }

    /// The programs of a list of commands.
    pub(crate) fn programs(&self) -> impl Iterator<Item = String> {
        let words = self.words();
        let lists = words.split(|word| ["&&", "||", ";", "|"].contains(&word.as_str()));
        let programs: Vec<String> = lists
            .map(|words| words.iter().find(|word| !is_assignment(word)))
            .map(|word| word.map_or("", |word| word.rsplit('/').next().unwrap_or(word)))
            .map(str::to_owned)
            .collect();
        programs.into_iter()
    }

    /// Whether it runs until it is ended.
    pub(crate) fn lasts(&self) -> bool {
        let program = self.programs().next().unwrap_or_default();
        ["announce", "receive"].contains(&program.as_str())
            || self
                .words()
                .get(1)
                .is_some_and(|word| program == "antrea-bgp-agent" && word == "run")
    }

    /// Whether it asks an agent that runs, so that its answer may need a moment.
    pub(crate) fn asks(&self) -> bool {
        let words = self.words();
        words[0] == "antrea-bgp-agent"
            && ["get", "explain", "log-level"].contains(&words[1].as_str())
    }

    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<String> {
        let mut words = self.words().into_iter();
        words.find(|word| word == name)?;
        words.next()
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}
