//! The results of a run.

use super::plan::Group;
use crate::{
    contender::Contender,
    sample::{INSTRUCTIONS, Sample},
};

/// The results of one contender in one group.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) contender: Contender,
    pub(crate) runs: Vec<Sample>,
    pub(crate) instructions: Option<f64>,
}

impl Row {
    /// The medians of all figures.
    pub(crate) fn median(&self) -> Sample {
        let median = Sample::median(&self.runs);
        match self.instructions {
            Some(count) => median.with(INSTRUCTIONS, count),
            None => median,
        }
    }
}

/// The results of a whole run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) groups: Vec<(Group, Vec<Row>)>,
    /// The parts that were not measured, with the reason.
    pub(crate) left_out: Vec<(String, String)>,
}

impl Results {
    pub(super) fn leave_out(&mut self, what: String, reason: String) {
        if !self.left_out.iter().any(|(name, _)| *name == what) {
            self.left_out.push((what, reason));
        }
    }

    /// The row of a contender in the group with this title, if it ran there.
    pub(crate) fn row(&self, title: &str, contender: Contender) -> Option<&Row> {
        let (_, rows) = self.groups.iter().find(|(group, _)| group.title() == title)?;
        rows.iter().find(|row| row.contender == contender && !row.runs.is_empty())
    }

    /// The medians of the row of a contender in a group.
    pub(crate) fn find(&self, title: &str, contender: Contender) -> Option<Sample> {
        self.row(title, contender).map(Row::median)
    }
}
