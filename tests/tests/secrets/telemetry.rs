//! Everything that this process reports to `tracing` and `metrics`.

use std::{
    io::{self, Write},
    sync::{LazyLock, Mutex, PoisonError},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_global_recorder,
};
use tracing_subscriber::{filter::LevelFilter, fmt::format::FmtSpan};

static RECORDED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Records from now on.
pub(crate) fn record() {
    static BEGUN: LazyLock<()> = LazyLock::new(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::NEW)
            .with_ansi(false)
            .with_writer(|| Recorded)
            .init();
        set_global_recorder(Recorded).expect("the only recorder");
    });
    *BEGUN;
}

/// The text of all records.
pub(crate) fn recorded() -> String {
    let recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&recorded).into_owned()
}

struct Recorded;

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        RECORDED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorded {
    fn metric(mut self, text: &str) {
        writeln!(self, "metric {text}").expect("a write to memory");
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        Self.metric(&format!("{key:?} {unit:?} {description}"));
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        Self.metric(&format!("{key:?} {unit:?} {description}"));
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        Self.metric(&format!("{key:?} {unit:?} {description}"));
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Self.metric(&format!("{key} {key:?} {metadata:?}"));
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Self.metric(&format!("{key} {key:?} {metadata:?}"));
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Self.metric(&format!("{key} {key:?} {metadata:?}"));
        Histogram::noop()
    }
}
