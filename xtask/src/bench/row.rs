//! Rows that other programs print, a line of JSON each.

pub(crate) use bench_row::{Pair, Row, Verdict, table};

use crate::command::Command;
use crate::failure::Failure;

/// Runs a command that prints rows.
pub(crate) fn read(command: &Command) -> Result<Vec<Row>, Failure> {
    println!("$ {command}");
    parse(&command.read()?).map_err(|problem| command.unexpected(problem))
}

fn parse(printed: &str) -> Result<Vec<Row>, String> {
    let lines = printed.lines().filter(|line| !line.trim().is_empty());
    let rows = lines.map(|line| {
        serde_json::from_str(line).map_err(|error| format!("`{line}` is no row: {error}"))
    });
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err("it prints no rows".to_owned());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use bench_row::{Better, Verdict};

    use super::parse;

    const LINE: &str = r#"{"name":"one","unit":"refunds/s","beside":"by hand","by_hand":100.0,"ours":90.5,"ratio":0.905,"wanted":"≥ 0.9","better":"higher","verdict":"pass","note":null}"#;

    #[test]
    fn a_line_is_a_row() {
        let rows = parse(&format!("{LINE}\n\n{LINE}\n")).unwrap();
        let [one, _] = rows.as_slice() else {
            panic!("two lines are two rows: {rows:?}")
        };
        assert_eq!((one.name.as_str(), one.unit.as_str()), ("one", "refunds/s"));
        assert_eq!(one.ratio.to_string(), "0.905");
        assert_eq!(one.wanted.as_deref(), Some("≥ 0.9"));
        assert_eq!(
            (one.better, one.verdict),
            (Better::Higher, Some(Verdict::Pass))
        );
    }

    #[test]
    fn what_is_no_row_is_named() {
        let without_figures = r#"{"name":"one"}"#;
        assert!(
            parse(without_figures)
                .unwrap_err()
                .contains(r#"{"name":"one"}"#)
        );
        assert!(parse(&format!("Compiling\n{LINE}")).is_err());
        assert!(parse("").is_err(), "nothing was measured");
    }
}
