//! A cluster, an upstream and a fleet together, as most tests need them.

use std::{net::Ipv4Addr, time::Duration};

use wsbeat_relay::demo::upstream::Upstream;

use super::{
    account::Account,
    cluster::Cluster,
    figures,
    fleet::Fleet,
    judge::{Total, judge_all, total},
    plan::{GROUP, Kind, Plan},
    skip::Skip,
};

/// Everything that a test starts.
#[derive(Debug)]
pub(crate) struct Site {
    // Dropped in this order: workers first.
    pub(crate) fleet: Fleet,
    pub(crate) upstream: Upstream,
    pub(crate) cluster: Cluster,
}

/// The subscriptions of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) kind: Kind,
    pub(crate) count: usize,
    /// The feeds: their path with a query.
    pub(crate) path: &'static str,
    /// Further lines of each subscription.
    pub(crate) lines: &'static str,
    /// Further tables, in place of a large dial budget.
    pub(crate) tables: Option<&'static str>,
}

impl Load {
    pub(crate) const fn new(kind: Kind, count: usize, path: &'static str) -> Self {
        Self { kind, count, path, lines: "", tables: None }
    }
}

impl Site {
    /// Starts so many servers, the upstream, and these workers.
    pub(crate) async fn start(servers: usize, load: Load, workers: &[&str]) -> Result<Self, Skip> {
        let cluster = Cluster::start(servers).await?;
        let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
        let mut plan = Plan::new(if servers > 1 { 3 } else { 1 });
        if let Some(tables) = load.tables {
            plan = plan.tables(tables);
        }
        let url = upstream.url(load.path);
        let plan = plan.subscribe_with(load.kind, load.count, &url, load.lines);
        let mut fleet = Fleet::new(cluster.urls(), cluster.jetstream().await, plan);
        fleet.start(workers);
        Ok(Self { fleet, upstream, cluster })
    }

    pub(crate) async fn account(&self) -> Account {
        Account::read(&self.fleet.context).await
    }

    /// The sequence number of the last write of a lease.
    pub(crate) async fn last_lease(&self) -> u64 {
        let stream = self.fleet.context.get_stream(format!("KV_wsb_{GROUP}_lease")).await;
        stream.expect("it exists").cached_info().state.last_sequence
    }

    /// Judges all subscriptions, and reports the figures with these before them.
    pub(crate) fn judge(
        &self,
        test: &str,
        account: &Account,
        grace: Duration,
        measured: Vec<(&'static str, String)>,
    ) -> Total {
        let verdicts = judge_all(account, &self.upstream, &self.fleet.plan, grace);
        for (name, verdict) in &verdicts {
            let faults = [&verdict.missing, &verdict.doubles, &verdict.stale];
            if faults.iter().any(|faults| !faults.is_empty()) {
                println!("{name}: {}", verdict.faults());
            }
        }
        let total = total(&verdicts);
        let mut figures = measured;
        figures.extend(figures::verdict(&total));
        figures.push(("errors in logs", self.fleet.errors().to_string()));
        figures::report(test, &figures);
        total
    }
}
