//! The files that a report goes to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use refund_reconcile::{About, Report};

use super::report::Form;
use crate::args::Reconcile;
use crate::failure::Failure;
use crate::location::Location;
use crate::paths::whole;
use crate::publish::Publish;

/// Files being written: each takes its place once all are complete.
pub(super) struct ReportFiles(Vec<(Form, Publish)>);

impl ReportFiles {
    /// Refuses what can't become a report's file, before anything is read.
    pub(super) fn begin(location: &Location, args: &Reconcile) -> Result<Self, Failure> {
        let in_use: Vec<PathBuf> = args.keys.iter().chain([&args.statement]).cloned().collect();
        let mut taken: Vec<PathBuf> = Vec::new();
        let mut forms = Vec::new();
        for path in &args.report {
            forms.push(form(path)?);
            location.spare(path, &in_use)?;
            let whole = whole(path);
            if taken.contains(&whole) {
                return Err(Failure::Usage(format!(
                    "two reports would go to `{}`; name each file once",
                    path.display()
                )));
            }
            taken.push(whole);
        }
        let files = forms
            .into_iter()
            .zip(&args.report)
            .map(|(form, path)| Ok((form, Publish::begin(path)?)));
        files.collect::<Result<_, Failure>>().map(Self)
    }

    /// Writes the report in every form, and then puts the files in their places.
    pub(super) fn write(mut self, report: &Report, about: &About<'_>) -> Result<(), Failure> {
        for (form, file) in &mut self.0 {
            file.write(|writer| form.write(report, about, writer))?;
        }
        for (_, file) in self.0 {
            file.finish()?;
        }
        Ok(())
    }
}

/// The form that the ending of a file asks for.
fn form(path: &Path) -> Result<Form, Failure> {
    let ending = path.extension().map(OsStr::to_ascii_lowercase);
    ending
        .and_then(|ending| Form::of_ending(ending.to_str()?))
        .ok_or_else(|| {
            Failure::Usage(format!(
                "`{}` does not say what report it is to be; its name must end in {}",
                path.display(),
                Form::ENDINGS
            ))
        })
}
