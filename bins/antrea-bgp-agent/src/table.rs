//! Columns of text, as antctl prints them: two spaces are too many, one is enough.

/// Lays rows out in columns as wide as their widest cell, without trailing blanks.
///
/// An empty cell of the last column is written as it is; within a row it keeps its width, so that
/// every column starts where its heading does.
pub(crate) fn render(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    push_line(&mut out, &widths, header.iter().copied());
    for row in rows {
        push_line(&mut out, &widths, row.iter().map(String::as_str));
    }
    out
}

fn push_line<'a>(out: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let start = out.len();
    for (cell, &width) in cells.zip(widths) {
        out.push_str(cell);
        let blanks = width - cell.chars().count() + 1;
        out.extend(std::iter::repeat_n(' ', blanks));
    }
    out.truncate(start + out[start..].trim_end().len());
    out.push('\n');
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

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let rows = vec![
            vec![
                "192.168.77.200:179".into(),
                "65001".into(),
                "Established".into(),
            ],
            vec![
                "[fec0::196:168:77:251]:179".into(),
                "65002".into(),
                String::new(),
            ],
        ];
        assert_eq!(
            render(&["PEER", "ASN", "STATE"], &rows),
            "PEER                       ASN   STATE\n\
             192.168.77.200:179         65001 Established\n\
             [fec0::196:168:77:251]:179 65002\n"
        );
    }

    #[test]
    fn ages_show_their_two_largest_units() {
        assert_eq!(age(59), "59s");
        assert_eq!(age(61), "1m1s");
        assert_eq!(age(3_660), "1h1m");
        assert_eq!(age(90_000), "1d1h");
    }
}
