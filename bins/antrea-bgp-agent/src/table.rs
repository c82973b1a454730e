//! Columns of text, as antctl prints them: two spaces are too many, one is enough.

use anstyle::Style;

use crate::style::Paint as _;

/// Free text gets this many columns at least, or a line of its own.
const LEAST: usize = 30;

/// Free text on a line of its own begins here.
const INDENT: usize = 4;

/// A text in a table, and its colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    /// Text in a colour.
    pub(crate) fn painted(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style: Some(style),
        }
    }

    /// As it reads without its colour.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn show(&self) -> String {
        match self.style {
            Some(style) => self.text.paint(style),
            None => self.text.clone(),
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.to_string(),
            style: None,
        }
    }
}

/// The columns of a table that is printed piece by piece.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    widths: Vec<usize>,
    limit: Option<usize>,
}

impl Columns {
    /// Columns as wide as their headings. Lines are kept within `limit` characters, as far as the
    /// last column can be broken between words.
    pub(crate) fn new(header: &[&str], limit: Option<usize>) -> Self {
        let widths = header.iter().map(|it| it.chars().count()).collect();
        Self { widths, limit }
    }

    /// Widens the columns for these rows.
    pub(crate) fn widen(&mut self, rows: &[Vec<Cell>]) {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
    }

    /// The headings. That of free text is left out where its column has no room: the text has lines
    /// of its own then.
    pub(crate) fn heading(&self, header: &[&str]) -> String {
        let mut cells: Vec<Cell> = header.iter().map(Cell::from).collect();
        let last = cells.last().map_or(0, Cell::width);
        let needed = self.used(cells.len().saturating_sub(1)) + last;
        if self.limit.is_some_and(|limit| limit < needed) {
            cells.pop();
        }
        self.line(&cells)
    }

    /// How many characters the first columns take, and a blank after each.
    fn used(&self, columns: usize) -> usize {
        self.widths.iter().take(columns).map(|it| it + 1).sum()
    }

    /// A row, without trailing blanks. An empty cell keeps its width, so that every column starts
    /// where its heading does.
    pub(crate) fn line(&self, row: &[Cell]) -> String {
        let Some((last, fixed)) = row.split_last() else {
            return "\n".to_owned();
        };
        let mut out = String::new();
        for (cell, &width) in fixed.iter().zip(&self.widths) {
            out += &cell.show();
            out.extend(std::iter::repeat_n(' ', width - cell.width() + 1));
        }
        let used = self.used(fixed.len());
        if last.text.is_empty() {
            out.truncate(out.trim_end().len());
            return out + "\n";
        }
        let fits = |limit: usize| used + last.width() <= limit;
        match self.limit.filter(|limit| !fits(*limit)) {
            None => out += &last.show(),
            Some(limit) if limit >= used + LEAST => {
                out += &broken(last, limit - used, used);
            }
            Some(limit) if last.text.contains(' ') || INDENT + last.width() <= limit => {
                out.truncate(out.trim_end().len());
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', INDENT));
                out += &broken(last, limit.saturating_sub(INDENT).max(LEAST), INDENT);
            }
            Some(_) => out += &last.show(),
        }
        out + "\n"
    }
}

/// A cell on as many lines as it needs; all but the first begin with `indent` blanks.
fn broken(cell: &Cell, width: usize, indent: usize) -> String {
    let blanks = " ".repeat(indent);
    let lines = wrap(&cell.text, width).into_iter().map(|text| {
        let style = cell.style;
        Cell { text, style }.show()
    });
    lines.collect::<Vec<_>>().join(&format!("\n{blanks}"))
}

/// A line of text, on as many lines as it needs within `limit` characters: the first behind `indent` blanks, the others
/// further in.
pub(crate) fn paragraph(text: &str, indent: usize, limit: Option<usize>) -> String {
    let blanks = " ".repeat(indent);
    let Some(limit) = limit else {
        return format!("{blanks}{text}\n");
    };
    let width = limit.saturating_sub(indent + INDENT).max(LEAST);
    let lines = wrap(text, width);
    let further = format!("\n{blanks}{}", " ".repeat(INDENT));
    format!("{blanks}{}\n", lines.join(&further))
}

/// How many characters are seen of a text that may be painted.
fn seen(text: &str) -> usize {
    let plain = anstream::adapter::strip_str(text);
    plain.map(|piece| piece.chars().count()).sum()
}

/// Text in lines of at most `width` characters, broken between words. A word that is longer than a
/// line stays whole, and painted text stays painted.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| seen(line));
        if line > 0 && line + 1 + seen(word) > width {
            lines.push(String::new());
        }
        if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// Lays rows out in columns as wide as their widest cell.
pub(crate) fn render(header: &[&str], rows: &[Vec<Cell>], limit: Option<usize>) -> String {
    let mut columns = Columns::new(header, limit);
    columns.widen(rows);
    let mut out = columns.heading(header);
    rows.iter().for_each(|row| out += &columns.line(row));
    out
}

/// A duration as people read it: the two largest units.
pub(crate) fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, m) => format!("{m}m{}s", seconds % 60),
        (0, h, m) => format!("{h}h{m}m"),
        (d, h, _) => format!("{d}d{h}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::GOOD;

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(Cell::from).collect()
    }

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let rows = [
            row(&["192.168.77.200:179", "65001", "Established"]),
            row(&["[fec0::196:168:77:251]:179", "65002", ""]),
        ];
        assert_eq!(
            render(&["PEER", "ASN", "STATE"], &rows, None),
            "PEER                       ASN   STATE\n\
             192.168.77.200:179         65001 Established\n\
             [fec0::196:168:77:251]:179 65002\n"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let rows = [vec![Cell::painted("up", GOOD), "x".into()]];
        let plain =
            anstream::adapter::strip_str(&render(&["STATE", "PEER"], &rows, None)).to_string();
        assert_eq!(plain, "STATE PEER\nup    x\n");
    }

    #[test]
    fn free_text_is_broken_where_it_has_room_and_has_a_line_of_its_own_where_not() {
        let text = "the peer says AS 65014, AS 65015 is configured";
        let rows = [row(&["192.0.2.1:179", text])];
        assert_eq!(
            render(&["PEER", "LAST-ERROR"], &rows, Some(48)),
            "PEER          LAST-ERROR\n\
             192.0.2.1:179 the peer says AS 65014, AS 65015\n              is configured\n"
        );
        assert_eq!(
            render(&["PEER", "LAST-ERROR"], &rows, Some(40)),
            "PEER          LAST-ERROR\n\
             192.0.2.1:179\n    the peer says AS 65014, AS 65015 is\n    configured\n"
        );
        assert!(render(&["PEER", "LAST-ERROR"], &rows, Some(20)).starts_with("PEER\n"));
        let all = render(&["PEER", "LAST-ERROR"], &rows, None);
        assert_eq!(all.lines().count(), 2);
    }

    #[test]
    fn a_word_that_is_longer_than_the_line_stays_whole() {
        assert_eq!(wrap("a bbbbbbbb c", 4), ["a", "bbbbbbbb", "c"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_paragraph_is_indented_and_its_paint_takes_no_room() {
        let text = format!("{} because of that", "not".paint(GOOD));
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        assert_eq!(
            plain(&paragraph(&text, 2, Some(30))),
            "  not because of that\n"
        );
        let long = format!("{text} {text}");
        assert_eq!(
            plain(&paragraph(&long, 2, Some(30))),
            "  not because of that not\n      because of that\n"
        );
        assert_eq!(plain(&paragraph(&long, 0, None)).lines().count(), 1);
    }

    #[test]
    fn ages_show_their_two_largest_units() {
        assert_eq!(age(59), "59s");
        assert_eq!(age(61), "1m1s");
        assert_eq!(age(3_660), "1h1m");
        assert_eq!(age(90_000), "1d1h");
    }
}
