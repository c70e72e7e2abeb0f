//! The recorded streams pass relay and simulator byte for byte, at every cut size from 1 to
//! 64 bytes.

use std::{fs, path::Path};

use harness::{
    net::Engine,
    plan::{self, Plan},
    scenario,
    target::Target,
    trace::{ClientFact, Fact, Trace},
    world,
};
use mock_openai::script::{Cut, CutLevel, Step};

const SCENARIO: &str = "
title: A recorded stream passes
upstream:
  - then: [{ end: clean }]
clients:
  - name: reader
";

fn plan_of(stream: &str, every: u64, level: CutLevel) -> Plan {
    let scenario = scenario::load("captures.yaml", SCENARIO.as_bytes(), &[])
        .expect("the scenario of this test is right");
    let mut plan = plan::plan(&scenario, "captures", 1);
    let raw = mock_openai::script::Send { raw: Some(stream.to_owned()), ..Default::default() };
    let steps = vec![Step::Send(Box::new(raw))];
    plan.upstream[0].then =
        vec![Step::Cut(Cut { every: Some(every), level, steps, ..Cut::default() })];
    plan
}

fn received(trace: &Trace) -> Vec<u8> {
    let mut body = Vec::new();
    for event in &trace.events {
        if let Fact::Client(ClientFact::Body { bytes, .. }) = &event.fact {
            body.extend_from_slice(bytes);
        }
    }
    body
}

#[test]
fn every_recorded_stream_passes_at_every_cut() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: the recorded streams are not beside this checkout");
        return Ok(());
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "sse"));
    paths.sort();
    assert!(!paths.is_empty(), "the folder of recorded streams is empty");
    let target = Target::reference();
    for path in paths {
        let stream = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        for every in 1..=64 {
            for level in [CutLevel::Chunk, CutLevel::Segment] {
                let plan = plan_of(&stream, every, level);
                let trace = world::run(&plan, &target, Engine::TurmoilNet);
                let got = received(&trace);
                assert!(
                    got == stream.as_bytes(),
                    "{} cut every {every} at {level:?}: {} of {} bytes",
                    path.display(),
                    got.len(),
                    stream.len()
                );
            }
        }
    }
    Ok(())
}
