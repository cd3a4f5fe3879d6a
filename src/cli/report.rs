//! `--report FILE`: what a run or a comparison was like, in the form that the ending of FILE names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::growing::{Growing, Readers};
use super::{Exit, out};
use crate::compare::{Bound, Comparison};
use crate::error::os;
use crate::report::picture::{Film, Page, html, svg};
use crate::report::{About, Account, Report, Row, Rows, Summary, markdown};
use crate::tame::tame;

/// A report that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    path: PathBuf,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Markdown,
    Html,
    Svg,
}

impl Wanted {
    /// Where it is to be written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From what stands behind `--report`.
    pub(crate) fn parse(text: OsString) -> anyhow::Result<Self> {
        let path = PathBuf::from(text);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let form = match ending.as_deref() {
            Some("json") => Form::Json,
            Some("csv") => Form::Csv,
            Some("md") => Form::Markdown,
            Some("html") => Form::Html,
            Some("svg") => Form::Svg,
            _ => bail!("it has to end in .json, .csv, .md, .html or .svg"),
        };
        Ok(Self { path, form })
    }

    /// Is it a picture, for which the run has to be watched?
    pub(crate) fn is_picture(&self) -> bool {
        matches!(self.form, Form::Html | Form::Svg)
    }
}

/// A report that can be written, and is when there is something to say.
#[derive(Debug)]
struct Open {
    wanted: Wanted,
    file: Growing,
}

impl Open {
    fn create(wanted: &Wanted) -> anyhow::Result<Self> {
        let opened = Growing::create(&wanted.path, Readers::Usual);
        let file = opened.map_err(|error| anyhow!("cannot write {}: {}", shown(&wanted.path), os(&error)))?;
        Ok(Self {
            wanted: wanted.clone(),
            file,
        })
    }

    fn write(mut self, text: &str) -> Written {
        let written = self.file.write_all(text.as_bytes());
        Written {
            path: self.wanted.path,
            result: written.and_then(|()| self.file.finish()),
        }
    }
}

/// How the writing of a report ended.
struct Written {
    path: PathBuf,
    result: io::Result<()>,
}

impl Written {
    /// Says what went wrong. Did nothing?
    fn tell(self) -> bool {
        let Err(error) = self.result else { return true };
        out::line(&format!("haul: cannot write {}: {}", shown(&self.path), os(&error)));
        false
    }
}

/// Says of each what went wrong.
fn all_are_written(reports: impl Iterator<Item = Written>) -> bool {
    reports.filter_map(|report| (!report.tell()).then_some(())).count() == 0
}

fn shown(path: &Path) -> String {
    tame(&path.to_string_lossy()).into_owned()
}

/// A table of entries that grows as they end.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    rows: io::Result<Rows<Growing>>,
}

impl Table {
    pub(crate) fn add(&mut self, row: &Row) {
        if let Ok(rows) = &mut self.rows
            && let Err(error) = rows.add(row)
        {
            self.rows = Err(error);
        }
    }

    fn finish(self) -> Written {
        Written {
            path: self.path,
            result: self.rows.and_then(Rows::finish).and_then(Growing::finish),
        }
    }
}

/// The reports on a run.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    open: Vec<Open>,
}

impl Reports {
    /// Finds out whether they can be written; the tables of entries begin.
    pub(crate) fn open(wanted: &[Wanted]) -> anyhow::Result<(Self, Vec<Table>)> {
        let (mut reports, mut tables) = (Self::default(), Vec::new());
        for wanted in wanted {
            let open = Open::create(wanted)?;
            match wanted.form {
                Form::Csv => tables.push(Table {
                    path: wanted.path.clone(),
                    rows: Rows::new(open.file),
                }),
                _ => reports.open.push(open),
            }
        }
        // Those that say how haul exits come last: what cannot be written is a part of that.
        reports.open.sort_by_key(|open| open.wanted.form == Form::Json);
        Ok((reports, tables))
    }

    /// The run has ended. How does haul exit that would exit so?
    pub(crate) fn write(self, tables: Vec<Table>, run: &mut Run<'_>, exit: Exit) -> Exit {
        let is_written = all_are_written(tables.into_iter().map(Table::finish));
        self.open.into_iter().fold(exit.if_written(is_written), |exit, open| {
            run.about.exit_code = Some(exit.code().into());
            let text = run.text(open.wanted.form);
            exit.if_written(open.write(&text).tell())
        })
    }
}

/// A run that has ended.
pub(crate) struct Run<'a> {
    pub(crate) about: &'a mut About,
    pub(crate) summary: &'a Summary,
    pub(crate) account: &'a Account,
    /// What was seen of it, where a picture is wanted.
    pub(crate) film: Option<&'a Film>,
}

impl Run<'_> {
    fn verdict(&self) -> Option<String> {
        let jobs = std::num::NonZeroUsize::new(self.about.jobs)?;
        let bound = Bound::of_run(self.summary, jobs, self.account.hosts.pushed_back());
        Some(match (bound?, &self.account.longest) {
            (bound @ Bound::LongestFile(_), Some(longest)) => format!("{bound}: {longest}"),
            (bound, _) => bound.to_string(),
        })
    }

    fn text(&self, form: Form) -> String {
        match form {
            Form::Markdown => markdown(self.about, self.summary, self.account, self.verdict().as_deref()),
            Form::Html => html(&self.page()),
            Form::Svg => svg(&self.page()),
            Form::Json | Form::Csv => Report::new(self.about, self.summary, self.account).to_json(),
        }
    }

    fn page(&self) -> Page<'_> {
        Page {
            about: self.about,
            runs: self.film.iter().map(|film| (self.summary, *film)).collect(),
            account: Some(self.account),
            table: Vec::new(),
            verdict: self.verdict(),
        }
    }
}

/// The reports on a comparison.
#[derive(Debug)]
pub(crate) struct Comparisons(Vec<Open>);

impl Comparisons {
    /// Finds out whether they can be written.
    pub(crate) fn open(wanted: &[Wanted]) -> anyhow::Result<Self> {
        Ok(Self(wanted.iter().map(Open::create).collect::<Result<_, _>>()?))
    }

    /// The comparison has ended. Is everything written?
    pub(crate) fn write(self, about: &About, comparison: &Comparison, films: &BTreeMap<usize, Film>) -> bool {
        let written = self.0.into_iter().map(|open| {
            let text = match open.wanted.form {
                Form::Json => comparison.to_json(about),
                Form::Csv => csv(comparison, about),
                Form::Markdown => comparison.to_markdown(about),
                Form::Html => html(&page(about, comparison, films)),
                Form::Svg => svg(&page(about, comparison, films)),
            };
            open.write(&text)
        });
        all_are_written(written)
    }
}

/// A page on which the first run of each level is seen.
fn page<'a>(about: &'a About, comparison: &'a Comparison, films: &'a BTreeMap<usize, Film>) -> Page<'a> {
    let levels = comparison.levels.iter().enumerate();
    let seen = levels.filter_map(|(index, level)| Some((&level.runs.first()?.summary, films.get(&index)?)));
    Page {
        about,
        runs: seen.collect(),
        account: None,
        table: comparison.table(),
        verdict: comparison.verdict(),
    }
}

fn csv(comparison: &Comparison, about: &About) -> String {
    let mut text = Vec::new();
    // Into memory nothing fails.
    let _ = comparison.write_csv(about, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_form() {
        for (text, form) in [
            ("a.json", Some(Form::Json)),
            ("dir/a.b.CSV", Some(Form::Csv)),
            ("a.md", Some(Form::Markdown)),
            ("a.html", Some(Form::Html)),
            ("a.svg", Some(Form::Svg)),
            ("a.txt", None),
            ("json", None),
            (".json", None),
            ("", None),
        ] {
            assert_eq!(
                Wanted::parse(text.into()).ok().map(|wanted| wanted.form),
                form,
                "{text}"
            );
        }
    }
}
