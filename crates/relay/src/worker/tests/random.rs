//! Random faults, judged as everything else. `RELAY_SEEDS=1000` runs more seeds, and
//! `RELAY_SEED=7` one of them.

use tokio::time::sleep;
use websocket_heartbeat_mock::Rng;

use super::{Account, Bed, ms, secs};
use crate::engine::memory::Stream;

const WISHES: [&str; 5] = [
    r#"{"kind":"overlap"}"#,
    r#"{"kind":"overlap","greets":true,"ready":"open"}"#,
    r#"{"kind":"exclusive"}"#,
    r#"{"kind":"exclusive","ids":false}"#,
    r#"{"kind":"resume","greets":true}"#,
];

fn number_of(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_faults_hide_nothing() {
    let count = number_of("RELAY_SEEDS").unwrap_or(4);
    let seeds = number_of("RELAY_SEED").map_or(0..count, |seed| seed..seed + 1);
    let mut failed = Vec::new();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let faults = runtime.block_on(simulate(seed));
        if !faults.is_empty() {
            println!("seed {seed}: {}", faults.join("\n"));
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}");
}

async fn simulate(seed: u64) -> Vec<String> {
    let mut rng = Rng::new(seed);
    let mut story = Vec::new();
    let mut bed = Bed::new();
    let names: Vec<String> = (0..8).map(|index| format!("s{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        let period = [20, 70, 100, 900][rng.below(4) as usize];
        bed.subscribe(name, WISHES[index % WISHES.len()], ms(period));
    }
    for index in 0..1 + rng.below(3) {
        bed.start(&format!("w{index}"));
    }
    let mut workers = bed.nodes.len();
    sleep(secs(8)).await;
    for _ in 0..12 {
        let alive: Vec<usize> =
            (0..bed.nodes.len()).filter(|index| bed.nodes[*index].is_running).collect();
        let some = alive[rng.below(alive.len() as u64) as usize];
        let name = &names[rng.below(8) as usize];
        let what = rng.below(13);
        story.push(format!("{}: {what} {some} {name}", crate::record::unix_now()));
        match what {
            0..=2 if alive.len() > 1 || rng.below(3) == 0 => {
                bed.kill(some);
                if alive.len() == 1 || rng.below(2) == 0 {
                    let name = bed.nodes[some].name.clone();
                    bed.start(&name);
                }
            }
            0..=3 if alive.len() < 5 => {
                bed.start(&format!("w{workers}"));
                workers += 1;
            }
            4 if alive.len() > 1 => {
                let node = &mut bed.nodes[some];
                node.is_running = false;
                let _ = node.drain.send(()).await;
            }
            5 => {
                let link = bed.nodes[some].link;
                bed.world.cut(link, true);
                sleep(ms(1 + rng.below(20_000))).await;
                bed.world.cut(link, false);
            }
            6 => {
                let link = bed.nodes[some].link;
                bed.world.stale(link, true);
                sleep(ms(1 + rng.below(9_000))).await;
                bed.world.stale(link, false);
            }
            7 | 8 => {
                bed.world.lock().stream = Stream::Loses;
                sleep(ms(rng.below(1_500))).await;
                bed.world.lock().stream = Stream::Refuses;
                bed.world.lock().buckets_down = what == 8;
                sleep(ms(2_000 + rng.below(8_000))).await;
                bed.world.lock().stream = Stream::Normal;
                bed.world.lock().buckets_down = false;
            }
            9 => {
                bed.world.lock().stream = Stream::Mute;
                sleep(ms(rng.below(3_000))).await;
                bed.world.lock().stream = Stream::Refuses;
                sleep(ms(2_000)).await;
                bed.world.lock().stream = Stream::Normal;
            }
            10 => bed.peers(name).iter().for_each(|(_, peer)| peer.end()),
            11 => bed.peers(name).iter().for_each(|(_, peer)| peer.half_open()),
            _ => {
                let index = name[1..].parse::<usize>().expect("a number");
                let mut wish = WISHES[index % WISHES.len()].to_owned();
                wish.insert_str(1, &format!(r#""n":{},"#, rng.below(1_000)));
                bed.wish(name, Some(&wish));
            }
        }
        sleep(ms(match rng.below(4) {
            0 => rng.below(50),
            1 => rng.below(3_000),
            2 => rng.below(20_000),
            _ => rng.below(80_000),
        }))
        .await;
    }
    if bed.nodes.iter().all(|node| !node.is_running) {
        bed.start("last");
    }
    sleep(secs(60)).await;
    bed.settle().await;
    let mut faults = Vec::new();
    for name in &names {
        let account = Account::of(&bed, name);
        let found = account.faults();
        if !found.is_empty() {
            faults.push(format!("{name}: {found:#?}\n{}", account.story()));
        }
        if bed.peers(name).len() != 1 {
            faults.push(format!("{name} has {} connections", bed.peers(name).len()));
        }
    }
    let clashes = bed.world.lock().clashes.clone();
    if !clashes.is_empty() {
        faults.push(format!("ids with two contents: {clashes:?}"));
    }
    if !faults.is_empty() {
        faults.push(story.join("\n"));
    }
    faults
}
