//! Sixteen downloads at once against one at a time.

use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::every::warm;
use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::client::download;
use crate::database::Engine;
use crate::service::Service;

const READERS: u32 = 16;
const ALONE: u32 = 4;
const PATH: &str = "/backup/download/attendance";

/// Their common throughput, and their memory.
pub(crate) fn measure(service: &Service, engine: Engine, runs: u32, report: &mut Report) -> Result<()> {
    let idle = warm(service)?;
    let (mut together, mut alone, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        for _ in 0..ALONE {
            download(&service.address, &service.token, PATH)?;
        }
        alone.push(f64::from(ALONE) / start.elapsed().as_secs_f64());
        service.reset_peak()?;
        let start = Instant::now();
        at_once(service)?;
        together.push(f64::from(READERS) / start.elapsed().as_secs_f64());
        memory.push(service.peak()?.saturating_sub(idle) as f64 / 1_048_576.0);
    }
    report.add(ReportRow {
        work: "16 downloads at once, attendance CSV".to_owned(),
        engine,
        unit: Unit::PerSecond,
        measured: Spread::of(together),
        yardstick: Some(Spread::of(alone)),
        limit: Some(Limit::RatioAtLeast(1.5)),
        note: String::new(),
        details: Value::Null,
    });
    report.add(ReportRow {
        work: "memory of 16 downloads at once above idle".to_owned(),
        engine,
        unit: Unit::Mebibytes,
        measured: Spread::of(memory),
        yardstick: None,
        limit: Some(Limit::AtMost(64.0)),
        note: String::new(),
        details: Value::Null,
    });
    Ok(())
}

fn at_once(service: &Service) -> Result<()> {
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| download(&service.address, &service.token, PATH)))
            .collect();
        for reader in readers {
            reader.join().map_err(|_| "a reader panicked")??;
        }
        Ok(())
    })
}
