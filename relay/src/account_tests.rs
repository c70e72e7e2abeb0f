//! What an account counts, and when.

use super::*;
use crate::Config;
use crate::caps::Caps;

struct Desk {
    metrics: Arc<Metrics>,
    caps: Arc<Caps>,
    client: Client,
}

impl Desk {
    fn new() -> Self {
        let metrics: Arc<Metrics> = Arc::default();
        let client = Client::new(([127, 0, 0, 1], 1).into(), metrics.given.clone());
        Self {
            metrics,
            caps: Arc::new(Caps::new(&Config::new("http://127.0.0.1:9000/v1".parse().unwrap()))),
            client,
        }
    }

    fn open(&self) -> Account {
        let slot = self.caps.admit(self.client.address().ip(), None).unwrap();
        let about = About { request_id: "r".into(), route: "/v1" };
        Account::open(Arc::clone(&self.metrics), self.client.clone(), slot, about)
    }

    fn has(&self, line: &str) -> bool {
        self.metrics.text().lines().any(|one| one == line)
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_counts_its_end_once_and_closes() {
    let desk = Desk::new();
    let mut complete = desk.open();
    let gone = desk.open();
    assert!(desk.has("relay_open_streams 2"));
    complete.end(EndReason::Complete);
    complete.end(EndReason::Shutdown);
    drop((complete, gone));
    assert!(desk.has("relay_open_streams 0"));
    assert!(desk.has("relay_streams_total{end=\"complete\"} 1"));
    assert!(desk.has("relay_streams_total{end=\"client_gone\"} 1"));
    assert!(!desk.metrics.text().contains("relay_shutdown"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_is_counted_by_where_in_its_answer_it_was() {
    let desk = Desk::new();
    drop(desk.open());
    let mut headed = desk.open();
    headed.begun(StatusCode::OK);
    drop(headed);
    for silence in [0, 999, 1_000] {
        let mut streaming = desk.open();
        streaming.begun(StatusCode::OK);
        streaming.relayed(Instant::now(), 1, false);
        tokio::time::sleep(Duration::from_millis(silence)).await;
        drop(streaming);
    }
    for (window, count) in
        [("before_head", 1), ("before_first_byte", 1), ("active", 2), ("idle", 1)]
    {
        let line = format!("relay_cancels_total{{window=\"{window}\"}} {count}");
        assert!(desk.has(&line), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_providers_pace_is_measured_and_heartbeats_are_no_part_of_it() {
    let desk = Desk::new();
    let mut account = desk.open();
    account.relayed(Instant::now(), 13, true);
    for wait in [2, 1, 30, 3] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        account.relayed(Instant::now(), 7, false);
        account.relayed(Instant::now(), 13, true);
    }
    account.end(EndReason::Complete);
    assert!(desk.has("relay_time_to_first_byte_seconds_sum 2.0"));
    assert!(desk.has("relay_longest_gap_seconds_sum 30.0"));
    assert!(desk.has("relay_longest_gap_seconds_count 1"));
    assert!(desk.has("relay_relayed_bytes_total 93"));
}
