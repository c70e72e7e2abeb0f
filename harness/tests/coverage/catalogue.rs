//! All scenarios, read and run once for all tests: each cell against the reference relay.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
};

use harness::{
    judge, metrics,
    net::Engine,
    scenario::{
        Expect,
        catalogue::{self, ScenarioFile},
    },
    suite::Case,
    target::Target,
    trace::{ClientFact, Fact, Trace, WorldFact},
    verdict::Verdict,
    world,
};

use super::{facts, log::Heard};

/// A path of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The file of every scenario.
pub(crate) fn files() -> &'static [ScenarioFile] {
    static FILES: OnceLock<Vec<ScenarioFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        catalogue::find(&[], &repository("scenarios")).expect("the catalogue is there")
    })
}

/// Every cell of every scenario.
pub(crate) fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let cases = files().iter().map(|file| Case::read_all(file).expect("it is read"));
        cases.flatten().collect()
    })
}

/// What all runs show together.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Rules that applied and held.
    pub(crate) held: BTreeSet<&'static str>,
    /// Facts by their kind: `ClientFact::Left`.
    pub(crate) facts: BTreeSet<String>,
    /// The relay's metrics, whatever their figures.
    pub(crate) metrics: BTreeSet<String>,
    /// Of its samples that are not 0 at the end of a run the names and the values of labels; the words
    /// under `code` and `type` of what clients got.
    pub(crate) told: BTreeSet<String>,
    /// What the relay said while it ran.
    pub(crate) heard: Heard,
}

/// What the runs of all scenarios show.
pub(crate) fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(|| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let work = |first: usize| {
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    cases().iter().skip(first).step_by(workers).for_each(|case| seen.run(case));
                    seen
                })
            };
            let working: Vec<_> = (0..workers).map(work).collect();
            let done = working.into_iter().map(|one| one.join().expect("runs do not panic"));
            done.fold(Seen::default(), Seen::with)
        })
    })
}

impl Seen {
    fn run(&mut self, case: &Case) {
        let mut plan = case.plan(1);
        // Who records the log as facts would hear it in the place of who listens here.
        plan.expect.retain(|expect| !Expect::asks_for_the_log(expect));
        let (trace, heard) =
            Heard::during(|| world::run(&plan, &Target::reference(), Engine::TurmoilNet));
        let judged = judge::judge(&plan, &trace);
        let held = judged.rules.iter().filter(|(_, verdict)| *verdict == Verdict::Held);
        self.held.extend(held.map(|(rule, _)| rule.id));
        self.look_at(&trace);
        self.heard.add(heard);
    }

    fn look_at(&mut self, trace: &Trace) {
        for event in &trace.events {
            facts::kinds(&event.fact, &mut self.facts);
            match &event.fact {
                Fact::World(WorldFact::Metrics { text }) => self.scrape(text),
                Fact::Client(ClientFact::Body { bytes, .. }) => self.read_codes(bytes),
                Fact::Packet(_)
                | Fact::Arrived { .. }
                | Fact::Socket(..)
                | Fact::Client(_)
                | Fact::Provider(_)
                | Fact::Middlebox(..)
                | Fact::World(_)
                | Fact::Logged { .. } => {}
            }
        }
    }

    fn scrape(&mut self, text: &str) {
        let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        self.metrics.extend(declared.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())));
        for sample in metrics::read(text).samples.iter().filter(|sample| sample.figure != 0.0) {
            self.told.insert(sample.name.to_owned());
            self.told.extend(sample.labels.iter().map(|(_, value)| (*value).to_owned()));
        }
    }

    /// Errors are short; what is long is an answer.
    fn read_codes(&mut self, bytes: &[u8]) {
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.len() < 4096) else {
            return;
        };
        for key in ["\"code\":\"", "\"type\":\""] {
            let values = text.split(key).skip(1).filter_map(|rest| rest.split('"').next());
            self.told.extend(values.map(str::to_owned));
        }
    }

    fn with(mut self, other: Self) -> Self {
        let Self { held, facts, metrics, told, heard } = other;
        self.held.extend(held);
        self.facts.extend(facts);
        self.metrics.extend(metrics);
        self.told.extend(told);
        self.heard.add(heard);
        self
    }
}
