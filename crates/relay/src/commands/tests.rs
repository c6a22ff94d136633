//! The files that users copy.

use std::time::Duration;

use crate::config::Config;

fn parse(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The value of a key in the systemd unit.
fn in_unit(key: &str) -> &'static str {
    let unit = include_str!("../../systemd/wsbeat-relay.service");
    let value = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("the unit has no {key}"))
}

#[test]
fn the_example_is_a_valid_configuration() {
    let config = parse(include_str!("../../wsbeat-relay.example.toml"));
    assert_eq!(config.subscriptions.len(), 4);
}

#[test]
fn the_configurations_of_the_readme_are_valid() {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    assert!(blocks.map(parse).count() > 0);
}

#[test]
fn systemd_waits_longer_than_a_drain_takes() {
    let config = parse(include_str!("../../wsbeat-relay.example.toml"));
    let limit = Duration::from_secs(in_unit("TimeoutStopSec").parse().unwrap());
    assert!(limit > config.worker.drain_timeout + super::run::LAST_ACKNOWLEDGEMENTS);
}

#[test]
fn systemd_does_not_repeat_a_start_with_mistakes() {
    let mistakes = super::Failure::Usage(String::new());
    assert_eq!(in_unit("RestartPreventExitStatus"), mistakes.code().to_string());
}
