//! Messages that a server stores in a second.

use std::collections::BTreeMap;

use crate::{
    Plan,
    bed::{figures::report, time::sleep},
    site::{Program, Site},
};

/// The figures of one program, one for each round.
#[derive(Debug, Default)]
struct Runs {
    rate: Vec<f64>,
    cpu: BTreeMap<&'static str, Vec<f64>>,
}

/// Runs the programs one after another, again and again, and prints the medians.
pub(crate) async fn measure(plan: &Plan, subscriptions: usize) -> Result<(), String> {
    let programs: Vec<_> =
        Program::ALL.into_iter().filter(|program| plan.has(program.name())).collect();
    let mut runs = BTreeMap::<_, Runs>::new();
    for _ in 0..plan.rounds {
        for program in &programs {
            let site = match Site::start(*program, subscriptions, 0, 1).await {
                Ok(site) => site,
                Err(reason) => {
                    println!("without {}: {reason}", program.name());
                    continue;
                }
            };
            // Until all are busy, and the interpreters have compiled what they do.
            sleep(plan.time / 2).await;
            let begin = site.look().await;
            sleep(plan.time).await;
            let end = site.look().await;
            let runs = runs.entry(program.name()).or_default();
            runs.rate.push(end.rate(&begin));
            for process in ["program", "server", "upstream"] {
                runs.cpu.entry(process).or_default().push(end.cpu(&begin, process));
            }
            println!("{subscriptions} {}: {:.0} a second", program.name(), end.rate(&begin));
        }
    }
    let relay = runs.get("relay").map(|runs| runs.rate.clone()).unwrap_or_default();
    for (name, runs) in &runs {
        // Of each round, since the other load of the computer changes.
        let ratios = relay.iter().zip(&runs.rate).map(|(relay, other)| relay / other).collect();
        let figures = [
            ("messages a second", format!("{:.0}", median(runs.rate.clone()))),
            ("relay in relation to it", format!("{:.2}", median(ratios))),
            ("seconds of CPU for a million", format!("{:.2}", median(runs.cpu["program"].clone()))),
            ("of the server", format!("{:.2}", median(runs.cpu["server"].clone()))),
            ("of the upstream", format!("{:.2}", median(runs.cpu["upstream"].clone()))),
        ];
        report(&format!("speed of {name}, {subscriptions} subscriptions"), &figures);
    }
    Ok(())
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
