//! The names of tests: short, and without numbers of entries in a list.

use std::fs;

use crate::{files::rust_files, modules::workspace};

/// A name is shorter than this.
const LENGTH: usize = 70;

/// The folders with tests.
const FOLDERS: [&str; 3] = ["crates", "tests", "examples"];

/// Names that are too long for now.
const EXCEPTIONS: [&str; 12] = [
    "a_dial_dropped_wherever_it_waits_leaves_nothing_open_and_opens_nothing_more",
    "a_fixed_period_is_kept_whatever_is_heard_and_missed_periods_do_not_pile_up",
    "a_resting_session_gives_back_the_room_of_a_burst_and_a_busy_one_keeps_it",
    "an_attempt_that_is_postponed_beyond_the_outage_limit_ends_the_session_at_once",
    "an_hour_slept_through_in_any_state_is_one_probe_or_one_attempt_at_most",
    "invariant_01_proof_of_life_is_chosen_only_frames_of_the_current_connection_count",
    "invariant_08_the_attempt_counter_resets_after_the_connection_proved_stable",
    "p10_a_certificate_that_is_not_acceptable_stops",
    "p10_a_handshake_that_is_cut_anywhere_is_tried_again",
    "p10_a_handshake_that_is_reset_is_tried_again",
    "silence_is_found_whether_the_timeout_is_longer_equal_or_shorter_than_the_interval",
    "wakes_come_before_drops_outside_of_the_lock_and_a_panic_harms_no_other",
];

/// The names of all functions with `#[test]` in a source file.
fn test_names(source: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line == "#[test]" {
            is_test = true;
        } else if is_test && let Some((_, name)) = line.split_once("fn ") {
            names.push(name.split(['(', '<']).next().unwrap());
            is_test = false;
        }
    }
    names
}

/// Whether a name starts with the number of an entry in a list, for example with `p04_`.
fn has_list_number(name: &str) -> bool {
    let Some((prefix, _)) = name.split_once('_') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let letter = prefix.strip_prefix(['p', 'e', 'f']);
    letter.is_some_and(is_number) || ["fact", "facts"].contains(&prefix)
}

#[test]
fn test_names_are_short_and_have_no_list_numbers() {
    let sources = FOLDERS.into_iter().flat_map(|folder| rust_files(&workspace().join(folder)));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        for name in test_names(&source) {
            count += 1;
            let is_wrong = name.len() >= LENGTH || has_list_number(name);
            if is_wrong && !EXCEPTIONS.contains(&name) {
                wrong.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 600, "only {count} tests were found");
}

#[test]
fn a_list_number_is_recognised() {
    assert!(has_list_number("p04_a_name") && has_list_number("fact_16_a_name"));
    assert!(!has_list_number("a_name") && !has_list_number("pings_are_answered"));
    assert!(!has_list_number("e_mail") && !has_list_number("invariant_02_one_sleep"));
}
