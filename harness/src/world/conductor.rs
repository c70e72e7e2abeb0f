//! The run from its first instant to its last: fires the network's events, waits for the clients,
//! lets everything settle, and looks at what is left.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mock_openai::Marks;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use super::{crew::Crew, scrape};
use crate::{
    client::Progress,
    net::{Fault, Host, TasksAlive},
    plan::{Client, Plan},
    scenario::{NetEvent, NetFault, ReadPoint, When},
    trace::{Fact, WorldFact},
};

/// How long a world is left alone after its last client: longer than any time-out that a relay
/// holds by default, the 90 s of its idle pooled connections included.
const SETTLING: Duration = Duration::from_mins(5);

/// The same where nobody can look at what is left: longer than a relay may take to let go of a provider. That
/// engine walks through each millisecond.
const LETTING_GO: Duration = Duration::from_secs(15);

pub(super) async fn conduct(
    world: Host,
    plan: Arc<Plan>,
    crew: Arc<Crew>,
    progress: BTreeMap<String, Progress>,
    marks: Arc<Marks>,
) {
    let limit = Instant::now() + plan.limit;
    // All servers are up before the first client can reach them: a connect takes time of its own.
    tokio::task::yield_now().await;
    let before = tasks_without_clients(&world, &plan);
    let mut events = JoinSet::new();
    for event in plan.events.clone() {
        let awaited = event.after.as_ref().and_then(|when| {
            let mark = when.mark.clone().map(|name| Awaited::Mark(name, Arc::clone(&marks)));
            mark.or_else(|| progress_of(&plan, when, &progress))
        });
        events.spawn(fire(world.clone(), event, awaited));
    }
    let stopped = tokio::select! {
        biased;
        () = world.recorder().filled() => Some(WorldFact::TraceFull),
        ended = timeout_at(limit, crew.all_done()) => {
            ended.err().map(|_| WorldFact::LimitReached { waiting: crew.missing() })
        }
    };
    if let Some(fact) = stopped {
        record(&world, fact);
    } else if let Some(before) = before {
        events.shutdown().await;
        settle(&world, &plan, before).await;
    } else {
        events.shutdown().await;
        sleep(LETTING_GO).await;
        record(&world, WorldFact::NotSettled);
    }
    record(&world, WorldFact::Over);
}

/// Leaves the world alone, and looks at what is left then.
async fn settle(world: &Host, plan: &Plan, before: TasksAlive) {
    sleep(SETTLING).await;
    if let Some(now) = alive(world, plan) {
        // A box or a provider may wait for ever for what a link keeps back, and the relay cannot help it.
        let others = now.others.saturating_sub(before.others);
        let after = now.all.saturating_sub(others);
        record(world, WorldFact::Tasks { before: before.all, after });
    }
    if let Some(text) = scrape::metrics(world, plan.relay_name()).await {
        record(world, WorldFact::Metrics { text });
    }
}

/// Tasks, all of them and those that work for none of the relays.
fn alive(world: &Host, plan: &Plan) -> Option<TasksAlive> {
    world.stack().tasks_alive(&|host| plan.is_relay(host))
}

/// Tasks of the servers and of the world; each client is one more, and gone at the end.
fn tasks_without_clients(world: &Host, plan: &Plan) -> Option<TasksAlive> {
    let clients = u64::try_from(plan.clients.len()).unwrap_or(u64::MAX);
    let TasksAlive { all, others } = alive(world, plan)?;
    Some(TasksAlive { all: all.saturating_sub(clients), others: others.saturating_sub(clients) })
}

/// What an event waits for.
enum Awaited {
    /// A point in what a client received.
    Received(ReadPoint, Progress),
    /// A mark of the provider's.
    Mark(String, Arc<Marks>),
}

/// What a client has received, by its name or its group's: of a group, its first client.
fn progress_of(plan: &Plan, when: &When, progress: &BTreeMap<String, Progress>) -> Option<Awaited> {
    let meant = |client: &&Client| {
        Some(&client.name) == when.client.as_ref() || Some(&client.group) == when.client.as_ref()
    };
    let client = plan.clients.iter().find(meant)?;
    let frames = when.frames.map(ReadPoint::Frames);
    let point = frames.or_else(|| when.bytes.map(ReadPoint::Bytes))?;
    Some(Awaited::Received(point, progress.get(&client.name)?.clone()))
}

async fn fire(world: Host, event: NetEvent, awaited: Option<Awaited>) {
    if let Some(at) = event.at {
        sleep(at.0).await;
    }
    match awaited {
        Some(Awaited::Received(point, progress)) => progress.reached(point).await,
        Some(Awaited::Mark(name, marks)) => marks.wait(&name).await,
        None => {}
    }
    let Some(fault) = fault(&event) else { return };
    record(&world, WorldFact::Fired { what: fault.to_string() });
    world.stack().apply(&fault);
    if let (Fault::Terminate { host }, Some(grace)) = (fault, event.lasts) {
        sleep(grace.0).await;
        world.stack().apply(&Fault::Kill { host });
    }
}

/// What an event does to the network. A fault of a link names a link, one of a host a host: the
/// loader sees to that.
fn fault(event: &NetEvent) -> Option<Fault> {
    let lasts = event.lasts.map(|time| time.0);
    let link = || event.link.clone();
    let host = || event.host.as_deref().map(Into::into);
    match event.fault {
        NetFault::Reset => link().map(|link| Fault::Reset { link }),
        NetFault::Hold => link().map(|link| Fault::Hold { link, lasts }),
        NetFault::Drop => link().map(|link| Fault::Drop { link, way: event.way, lasts }),
        NetFault::Refuse => host().map(|host| Fault::Refuse { host, lasts }),
        NetFault::Blackhole => host().map(|host| Fault::Blackhole { host, lasts }),
        NetFault::Terminate => host().map(|host| Fault::Terminate { host }),
        NetFault::Crash => host().map(|host| Fault::Crash { host }),
        NetFault::Restart => host().map(|host| Fault::Restart { host }),
    }
}

fn record(world: &Host, fact: WorldFact) {
    world.recorder().record(world.name(), Fact::World(fact));
}
