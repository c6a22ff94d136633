//! What is found while a text is read: [`Notes`].

use std::cell::RefCell;

use super::{
    Secret,
    mistakes::{Found, Mistake, Place, Problem, Warning},
};

/// What was found so far.
pub(super) struct Notes<'t> {
    /// The file, for places; `None` for JSON, where unknown keys are those of a newer version and are
    /// ignored.
    file: Option<Lines<'t>>,
    found: RefCell<Collected>,
}

#[derive(Default)]
pub(super) struct Collected {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Found<Warning>>,
    /// The secrets that are used, and the files.
    pub(super) secrets: Vec<Found<Secret>>,
}

impl<'t> Notes<'t> {
    pub(super) fn of_file(text: &'t str) -> Self {
        Self { file: Some(Lines::new(text)), found: RefCell::default() }
    }

    pub(super) fn of_json() -> Self {
        Self { file: None, found: RefCell::default() }
    }

    pub(super) fn into_collected(self) -> Collected {
        self.found.into_inner()
    }

    pub(super) fn mistake(&self, at: usize, key: impl Into<String>, problem: Problem) {
        let mistake = self.found_at(at, key, problem);
        self.found.borrow_mut().mistakes.push(mistake);
    }

    pub(super) fn warn(&self, at: usize, key: impl Into<String>, warning: Warning) {
        let warning = self.found_at(at, key, warning);
        self.found.borrow_mut().warnings.push(warning);
    }

    /// Notes that the worker reads this secret.
    pub(super) fn uses(&self, at: usize, key: impl Into<String>, secret: Secret) {
        let secret = self.found_at(at, key, secret);
        self.found.borrow_mut().secrets.push(secret);
    }

    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn place(&self, at: usize) -> Option<Place> {
        self.file.as_ref().map(|file| file.place(at))
    }

    fn found_at<T>(&self, at: usize, key: impl Into<String>, what: T) -> Found<T> {
        Found { place: self.place(at), key: key.into(), what }
    }
}

/// The places of a text.
struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    begins: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, begins: [0].into_iter().chain(ends).collect() }
    }

    fn place(&self, at: usize) -> Place {
        // The end of a file is behind its last line.
        let mut at = at.min(self.text.trim_end_matches('\n').len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.begins.partition_point(|begin| *begin <= at);
        let before = &self.text[self.begins[line - 1]..at];
        Place { line, column: before.chars().count() + 1 }
    }
}
