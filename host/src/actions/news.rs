//! How much new a job may propose: each new proposal is written to the store and to the audit log, of which nothing is ever removed. A plugin that
//! proposes something else at each run would fill the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::report::Report;
use crate::store::{Proposed, Standing};

use super::journal::about;

/// What a job may propose anew within [`WITHIN`], in bytes: arguments, reasons, lines and the findings that it is about. Ordinary proposals have one
/// or two thousand.
pub const MOST: u64 = 4 << 20;
const WITHIN: Duration = Duration::from_secs(3600);

/// What was new of each job's proposals since when.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<Mutex<HashMap<String, (Instant, u64)>>>);

impl News {
    /// Takes in so much of a job, unless that is too much: then why.
    pub fn take(&self, job: &str, bytes: u64) -> Result<(), String> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (since, spent) = jobs.entry(job.to_owned()).or_insert((now, 0));
        if since.elapsed() >= WITHIN {
            (*since, *spent) = (now, 0);
        }
        if *spent + bytes > MOST {
            return Err(format!(
                "it proposed more than {} MiB that was new within an hour, and each new proposal is kept in the audit log; look at `pgreeve proposals \
                 {job} --all` for what changes from run to run, and mend the plugin or remove the job",
                MOST >> 20
            ));
        }
        *spent += bytes;
        Ok(())
    }

    /// Gives back what was taken in and could not be kept.
    pub fn give_back(&self, job: &str, bytes: u64) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, spent)) = jobs.get_mut(job) {
            *spent = spent.saturating_sub(bytes);
        }
    }
}

/// The bytes of what is new among a report's proposals, where these stand already.
pub fn bytes(proposed: &[Proposed], report: &Report, standing: &[Standing]) -> u64 {
    let text = |text: &str| text.len() as u64;
    let new = proposed.iter().filter(|one| !standing.iter().any(|there| there.id == one.id));
    let of = |one: &Proposed| {
        let told = &one.told;
        let arguments = told.arguments.iter().map(|argument| text(&argument.name) + text(&argument.value));
        let lines = one.lines.iter().flatten().map(|line| text(line));
        let findings = about(report, &told.clears).into_iter().map(|finding| {
            let facts = finding.evidence.iter().map(|fact| text(&fact.name) + text(&fact.value)).sum::<u64>();
            let more = [finding.detail, finding.advice, finding.subject].into_iter().flatten();
            text(&finding.summary) + facts + more.map(|more| text(&more)).sum::<u64>()
        });
        text(&told.reason) + arguments.chain(lines).chain(findings).sum::<u64>()
    };
    new.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_has_its_own_hour() {
        let news = News::default();
        assert_eq!(news.take("a", MOST), Ok(()));
        assert!(news.take("a", 1).unwrap_err().contains("4 MiB"));
        assert_eq!(news.take("a", 0), Ok(()), "what stands is not new");
        assert_eq!(news.take("b", MOST), Ok(()));
        news.give_back("a", 1);
        assert_eq!(news.take("a", 1), Ok(()), "what was not kept does not count");
    }
}
