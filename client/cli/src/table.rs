//! Columns that line up. Where the terminal is too narrow, the least important columns go.

/// A column: its title, how it is aligned, and how dear it is.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    right: bool,
    worth: u8,
}

/// A column of words; those of the least worth go first, 0 never.
pub const fn left(title: &'static str, worth: u8) -> Column {
    Column { title, right: false, worth }
}

/// A column of numbers; those of the least worth go first, 0 never.
pub const fn right(title: &'static str, worth: u8) -> Column {
    Column { title, right: true, worth }
}

/// Rows under titles. A row has as many cells as there are columns.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        let title = self.columns.get(column).map_or(0, |c| c.title.chars().count());
        cells.fold(title, usize::max)
    }

    /// The lines, each indented by `indent`, within `width` where there is one.
    pub fn lines(&self, indent: usize, width: Option<usize>) -> Vec<String> {
        let mut shown: Vec<(usize, Column, usize)> =
            self.columns.iter().enumerate().map(|(i, c)| (i, *c, self.width(i))).collect();
        let total = |shown: &[(usize, Column, usize)]| {
            shown.iter().map(|(_, _, w)| w + 2).sum::<usize>() + indent - 2
        };
        while width.is_some_and(|width| total(&shown) > width) {
            let least = shown.iter().enumerate().filter(|(_, (_, c, _))| c.worth > 0);
            let Some((at, _)) = least.min_by_key(|(_, (_, c, _))| c.worth) else { break };
            shown.remove(at);
        }
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.to_owned()).collect();
        std::iter::once(&titles)
            .chain(&self.rows)
            .map(|row| {
                let cells = shown.iter().filter_map(|(i, c, w)| Some((row.get(*i)?, c.right, *w)));
                let cells: Vec<String> = cells
                    .map(|(cell, right, w)| if right { format!("{cell:>w$}") } else { format!("{cell:w$}") })
                    .collect();
                format!("{:indent$}{}", "", cells.join("  ")).trim_end().to_owned()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_loses_the_least_important_columns() {
        let mut table = Table::new(&[left("NAME", 0), right("BYTES", 2), left("NOTE", 1)]);
        table.row(["a".into(), "1".into(), "long enough".into()]);
        table.row(["bcdef".into(), "23".into(), String::new()]);
        let text = |width| table.lines(1, width).join("\n");
        assert_eq!(text(None), " NAME   BYTES  NOTE\n a          1  long enough\n bcdef     23");
        assert_eq!(text(Some(26)), text(None));
        assert_eq!(text(Some(25)), " NAME   BYTES\n a          1\n bcdef     23");
        assert_eq!(text(Some(3)), " NAME\n a\n bcdef");
    }
}
