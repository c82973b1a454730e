//! Output as a page shows it: `…` stands for what differs, and on a line of its own for any lines.

const ANY: &str = "…";

/// Whether the output is what is shown; after the last line there may be more if `open`.
pub(crate) fn is_shown(shown: &[String], output: &str, open: bool) -> bool {
    let shown: Vec<String> = shown.iter().map(|line| plain(line)).collect();
    let output: Vec<String> = output.lines().map(plain).collect();
    lines(&significant(&shown), &significant(&output), open)
}

/// The width of columns depends on what else is in them.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn significant(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter().map(String::as_str);
    lines.filter(|line| !line.is_empty()).collect()
}

fn lines(shown: &[&str], output: &[&str], open: bool) -> bool {
    match shown {
        [] => open || output.is_empty(),
        [first, rest @ ..] if *first == ANY => {
            (0..=output.len()).any(|skip| lines(rest, &output[skip..], open))
        }
        [first, rest @ ..] => output
            .split_first()
            .is_some_and(|(line, others)| line_is(first, line) && lines(rest, others, open)),
    }
}

fn line_is(shown: &str, line: &str) -> bool {
    let Some((before, after)) = shown.split_once(ANY) else {
        return shown == line;
    };
    line.strip_prefix(before).is_some_and(|rest| {
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.into_iter().any(|end| line_is(after, &rest[end..]))
    })
}

#[test]
fn what_differs_may_differ_and_nothing_else() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let page = shown("A  B\n1  …  x\n…\nend");
    assert!(is_shown(&page, "A B\n1 2 3 x\nend\n", false));
    assert!(is_shown(&page, "A B\n1 2 x\nmore\nmore\nend\n", false));
    assert!(!is_shown(&page, "A B\n1 2 y\nend\n", false));
    assert!(!is_shown(&page, "A B\n1 2 x\n", false));
    assert!(!is_shown(&page, "A B\n1 2 x\nend\nmore\n", false));
    assert!(is_shown(&page, "A B\n1 2 x\nend\nmore\n", true));
}
