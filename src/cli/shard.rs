//! `--shard`: which share of the list, as it is said, or as the scheduler's environment tells it.

use anyhow::{Context as _, bail, ensure};

use crate::shard::Shard;

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// `I/N`.
    Given(Shard),
    /// `auto`, or `auto/N`.
    Auto(Option<u32>),
}

/// What a scheduler tells its task.
struct Task {
    /// The variable that says so.
    by: &'static str,
    /// Counted from 0.
    index: u32,
    count: Option<u32>,
}

/// Schedulers that tell an index and a number in two variables, and what they count from.
const PLAIN: &[(&str, Option<&str>, u32)] = &[
    // AWS Batch, array jobs.
    ("AWS_BATCH_JOB_ARRAY_INDEX", Some("AWS_BATCH_JOB_ARRAY_SIZE"), 0),
    // Google Cloud Run, jobs.
    ("CLOUD_RUN_TASK_INDEX", Some("CLOUD_RUN_TASK_COUNT"), 0),
    // Kubernetes, jobs with `completionMode: Indexed`.
    ("JOB_COMPLETION_INDEX", None, 0),
    // GitLab, `parallel`: "the index of the job in the job set", from 1.
    (CI_INDEX, Some("CI_NODE_TOTAL"), 1),
];
const CI_INDEX: &str = "CI_NODE_INDEX";
const SLURM: &str = "SLURM_ARRAY_TASK_ID";

impl Share {
    /// `I/N`, `auto` or `auto/N`.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        const NEEDED: &str = "I/N is needed with I from 0 to N-1, such as 0/4; or auto, or auto/N";
        if text == "auto" {
            return Ok(Self::Auto(None));
        }
        let (index, count) = text.split_once('/').context(NEEDED)?;
        let count: u32 = count.parse().ok().filter(|&count| count > 0).context(NEEDED)?;
        if index == "auto" {
            return Ok(Self::Auto(Some(count)));
        }
        let index = index.parse().ok().context(NEEDED)?;
        Ok(Self::Given(Shard::new(index, count).context(NEEDED)?))
    }

    /// The share, and the variable that told it. Several schedulers may speak, one inside the other; when they do not mean
    /// the same, nobody guesses: a share that two machines take is one that none takes, too.
    pub(super) fn find(
        self,
        variable: impl Fn(&str) -> anyhow::Result<Option<String>>,
    ) -> anyhow::Result<(Shard, Option<&'static str>)> {
        let of = match self {
            Self::Given(shard) => return Ok((shard, None)),
            Self::Auto(of) => of,
        };
        let read = |name: &str| Ok(variable(name)?.filter(|value| !value.trim().is_empty()));
        let mut found: Option<(Shard, &'static str)> = None;
        for task in tasks(&read, of)? {
            let shard = task.shard(of)?;
            match found {
                Some((other, by)) if other != shard => bail!(
                    "--shard auto: {by} means {}/{}, {} means {}/{}; say --shard I/N",
                    other.index(),
                    other.count(),
                    task.by,
                    shard.index(),
                    shard.count()
                ),
                Some(_) => {}
                None => found = Some((shard, task.by)),
            }
        }
        let (shard, by) = found.context(
            "--shard auto: no scheduler says which share (Slurm, Kubernetes, AWS Batch, Cloud Run, GitLab); say --shard I/N",
        )?;
        Ok((shard, Some(by)))
    }
}

impl Task {
    fn shard(&self, of: Option<u32>) -> anyhow::Result<Shard> {
        let Self { by, index, count } = self;
        let count = of
            .or(*count)
            .with_context(|| format!("{by} says which share, and not of how many; say --shard auto/N"))?;
        Shard::new(*index, count).with_context(|| format!("{by} means share {index} (from 0), and there are {count}"))
    }
}

fn tasks(read: &impl Fn(&str) -> anyhow::Result<Option<String>>, of: Option<u32>) -> anyhow::Result<Vec<Task>> {
    let mut tasks = Vec::new();
    tasks.extend(slurm(read, of)?);
    for &(by, count, first) in PLAIN {
        let Some(index) = number(read, by)? else { continue };
        ensure!(
            by != CI_INDEX || read("GITLAB_CI")?.is_some(),
            "{CI_INDEX} counts from 1 on GitLab and from 0 elsewhere, and GITLAB_CI is not set; say --shard I/N"
        );
        let index = index
            .checked_sub(first)
            .with_context(|| format!("{by} counts from {first}"))?;
        let count = count.map(|name| number(read, name)).transpose()?.flatten();
        tasks.push(Task { by, index, count });
    }
    Ok(tasks)
}

/// Slurm's tasks have the numbers of `--array`, which need not begin at 0 or be without gaps. With `auto/N` the number is
/// the share, whatever the array: so single tasks can be run again.
fn slurm(read: &impl Fn(&str) -> anyhow::Result<Option<String>>, of: Option<u32>) -> anyhow::Result<Option<Task>> {
    let Some(id) = number(read, SLURM)? else {
        return Ok(None);
    };
    if of.is_some() {
        return Ok(Some(Task {
            by: SLURM,
            index: id,
            count: None,
        }));
    }
    let part = |name: &str| number(read, &format!("SLURM_ARRAY_TASK_{name}"));
    let (Some(least), Some(count)) = (part("MIN")?, part("COUNT")?) else {
        bail!("{SLURM} says which task, and not of how many; say --shard auto/N");
    };
    let step = part("STEP")?.filter(|&step| step > 0).unwrap_or(1);
    let index = id.checked_sub(least).filter(|above| above % step == 0);
    let end = u64::from(least) + u64::from(count.saturating_sub(1)) * u64::from(step);
    let is_even = part("MAX")?.is_none_or(|most| u64::from(most) == end);
    let index = index
        .map(|above| above / step)
        .filter(|&index| is_even && index < count);
    let index = index
        .context("--shard auto: the numbers of this Slurm array have gaps; say --shard auto/N with numbers from 0")?;
    Ok(Some(Task {
        by: SLURM,
        index,
        count: Some(count),
    }))
}

fn number(read: &impl Fn(&str) -> anyhow::Result<Option<String>>, name: &str) -> anyhow::Result<Option<u32>> {
    let Some(text) = read(name)? else { return Ok(None) };
    let number = text.trim().parse().ok();
    Ok(Some(number.with_context(|| format!("{name} is no number"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0/4 by NAME`, or the beginning of what is wrong.
    fn found(said: &str, environment: &str) -> String {
        let variable = |name: &str| {
            let mut pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
            Ok(pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned()))
        };
        match Share::parse(said).unwrap().find(variable) {
            Ok((shard, by)) => format!("{}/{} by {}", shard.index(), shard.count(), by.unwrap_or("hand")),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_scheduler_says_which_share() {
        let slurm = "SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=16 SLURM_ARRAY_TASK_COUNT=16 SLURM_ARRAY_TASK_STEP=1";
        let stepped = "SLURM_ARRAY_TASK_MIN=2 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=2";
        let gaps = "SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=9 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_STEP=1";
        let batch = "AWS_BATCH_JOB_ARRAY_INDEX=2 AWS_BATCH_JOB_ARRAY_SIZE=5";
        let run = "CLOUD_RUN_TASK_INDEX=0 CLOUD_RUN_TASK_COUNT=3";
        let gitlab = "GITLAB_CI=true CI_NODE_INDEX=1 CI_NODE_TOTAL=4";
        for (said, environment, expected) in [
            ("2/4", gitlab, "2/4 by hand"),
            (
                "auto",
                &*format!("{slurm} SLURM_ARRAY_TASK_ID=16"),
                "15/16 by SLURM_ARRAY_TASK_ID",
            ),
            (
                "auto",
                &format!("{stepped} SLURM_ARRAY_TASK_ID=6"),
                "2/4 by SLURM_ARRAY_TASK_ID",
            ),
            (
                "auto",
                &format!("{gaps} SLURM_ARRAY_TASK_ID=5"),
                "--shard auto: the numbers of this Slurm array have gaps",
            ),
            (
                "auto/64",
                &format!("{gaps} SLURM_ARRAY_TASK_ID=5"),
                "5/64 by SLURM_ARRAY_TASK_ID",
            ),
            (
                "auto",
                "SLURM_ARRAY_TASK_ID=5",
                "SLURM_ARRAY_TASK_ID says which task, and not of how many",
            ),
            (
                "auto",
                "JOB_COMPLETION_INDEX=5",
                "JOB_COMPLETION_INDEX says which share, and not of how many",
            ),
            ("auto/8", "JOB_COMPLETION_INDEX=5", "5/8 by JOB_COMPLETION_INDEX"),
            (
                "auto/5",
                "JOB_COMPLETION_INDEX=5",
                "JOB_COMPLETION_INDEX means share 5 (from 0), and there are 5",
            ),
            ("auto", batch, "2/5 by AWS_BATCH_JOB_ARRAY_INDEX"),
            ("auto", run, "0/3 by CLOUD_RUN_TASK_INDEX"),
            ("auto", gitlab, "0/4 by CI_NODE_INDEX"),
            (
                "auto",
                "GITLAB_CI=true CI_NODE_INDEX=0 CI_NODE_TOTAL=4",
                "CI_NODE_INDEX counts from 1",
            ),
            (
                "auto",
                "CI_NODE_INDEX=1 CI_NODE_TOTAL=4",
                "CI_NODE_INDEX counts from 1 on GitLab and from 0 elsewhere",
            ),
            // A GitLab job that is not parallel has a total and no index.
            (
                "auto",
                "GITLAB_CI=true CI_NODE_TOTAL=1",
                "--shard auto: no scheduler says which share",
            ),
            ("auto", "JOB_COMPLETION_INDEX=x", "JOB_COMPLETION_INDEX is no number"),
            ("auto", "", "--shard auto: no scheduler says which share"),
            (
                "auto",
                &format!("{batch} {run}"),
                "--shard auto: AWS_BATCH_JOB_ARRAY_INDEX means 2/5, CLOUD_RUN_TASK_INDEX means 0/3",
            ),
            (
                "auto",
                &format!("{run} GITLAB_CI=1 CI_NODE_INDEX=1 CI_NODE_TOTAL=3"),
                "0/3 by CLOUD_RUN_TASK_INDEX",
            ),
        ] {
            let found = found(said, environment);
            assert!(found.starts_with(expected), "{said} with {environment}: {found}");
        }
    }

    #[test]
    fn a_share_is_one_of_those_there_are() {
        for text in ["", "1", "/", "4/4", "0/0", "-1/4", "a/4", "auto/", "auto/0", "0/4/5"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
        assert_eq!(Share::parse("3/4").unwrap(), Share::Given(Shard::new(3, 4).unwrap()));
    }
}
