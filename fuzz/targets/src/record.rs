//! Records of sessions: the reader of `wsbeat report`, and its page.

// The folder of wsbeat's module `report`. Only its function for files is missing.
#[allow(dead_code, reason = "a file of wsbeat")]
#[path = "../../../crates/cli/src/report"]
mod report {
    mod axis;
    mod chart;
    mod escape;
    mod page;
    mod reader;
    mod summary;

    /// The page about one record, and the number of its sessions and lines.
    pub(super) fn page(data: &[u8]) -> Option<(String, u64)> {
        let record = reader::read("record".to_owned(), data).expect("bytes in memory");
        let skipped = record.skipped.map_or(0, |(first, count)| {
            assert!(first > 0 && count > 0);
            count
        });
        let records = [record];
        (!records[0].sessions.is_empty()).then(|| (page::html(&records), skipped))
    }
}

/// A mark that no page has, and that a text of a record can have.
const MARK: &str = "<zz";

pub(crate) fn run(data: &[u8]) {
    let Some((page, skipped)) = report::page(data) else { return };
    assert!(!page.contains(MARK), "a text of the record is not escaped");
    let lines = data.split(|byte| *byte == b'\n').count() as u64;
    assert!(skipped <= lines, "{skipped} of {lines} lines are skipped");
    assert!(page.len() <= 100_000 + 4_000 * data.len(), "a page of {} bytes", page.len());
}
