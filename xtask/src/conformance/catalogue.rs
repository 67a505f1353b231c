//! A catalogue: a Markdown page whose tables have a row per line, `| 21 | what it says | what it waits for |`.

/// All lines, in the order of the page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Catalogue {
    pub(super) lines: Vec<Line>,
}

/// One numbered line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: u32,
    pub(super) title: String,
    /// What a line without a test waits for.
    pub(super) waits_for: Option<String>,
    /// The heading it stands under.
    pub(super) section: String,
    /// Line of the page, from 1.
    pub(super) place: usize,
}

impl Catalogue {
    /// The lines, and what cannot be read with its place.
    pub(super) fn parse(page: &str) -> (Self, Vec<(usize, String)>) {
        let mut lines: Vec<Line> = Vec::new();
        let mut problems = Vec::new();
        let mut section = "";
        for (index, text) in page.lines().enumerate() {
            let place = index + 1;
            if let Some(heading) = text.strip_prefix("## ") {
                section = heading.trim();
            }
            let Some(cells) = text.strip_prefix('|').and_then(|rest| rest.trim_end().strip_suffix('|')) else {
                continue;
            };
            let cells: Vec<_> = cells.split('|').map(str::trim).collect();
            let Ok(id) = cells[0].parse() else { continue };
            let [_, title, waits_for] = cells[..] else {
                problems.push((place, "a row has three columns: number, what it says, what it waits for".to_owned()));
                continue;
            };
            if lines.iter().any(|line| line.id == id) {
                problems.push((place, format!("line {id} is there twice")));
            }
            lines.push(Line {
                id,
                title: title.to_owned(),
                waits_for: (!waits_for.is_empty()).then(|| waits_for.to_owned()),
                section: section.to_owned(),
                place,
            });
        }
        (Self { lines }, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_and_other_tables_are_not() {
        let page = "## One\n| Line | What | Waits for |\n|---|---|---|\n| 7 | `a` → b | |\n| 8 | c | d |\n";
        let (catalogue, problems) = Catalogue::parse(page);
        let line = |id, title: &str, waits_for: Option<&str>, place| Line {
            id,
            title: title.into(),
            waits_for: waits_for.map(str::to_owned),
            section: "One".into(),
            place,
        };
        assert_eq!(catalogue.lines, [line(7, "`a` → b", None, 4), line(8, "c", Some("d"), 5)]);
        assert_eq!(problems, []);
    }

    #[test]
    fn a_row_of_another_shape_and_a_number_used_twice_are_found() {
        let (catalogue, problems) = Catalogue::parse("| 7 | a |\n| 8 | b | |\n| 8 | c | |\n");
        assert_eq!(catalogue.lines.len(), 2);
        let expected =
            [(1, "a row has three columns: number, what it says, what it waits for"), (3, "line 8 is there twice")];
        assert_eq!(problems, expected.map(|(place, what)| (place, what.to_owned())));
    }
}
