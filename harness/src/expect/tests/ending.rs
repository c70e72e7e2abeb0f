//! Who closed first, beside how it ended; and endings of the Responses API.

use super::*;

fn ends(story: &Story, how: EndsHow, host: &str) -> String {
    let ends = EndsAs { how: vec![how], first_closed_by: Some(host.to_owned()) };
    said(story, &Expect { ends: Some(ends), ..reader() })
}

/// The provider resets at 5 ms, the relay passes that on at 6 ms, the client closes at 7 ms.
fn reset_from_above() -> Story {
    let mut story = Story::streaming();
    story.relays(1, "reader", "data: 1\n\n");
    story.provider_ends(5, "reader", End::Reset);
    story.socket(6, "relay", "reader", 1, SocketFact::Dropped);
    story.socket(6, "relay", "reader", 0, SocketFact::Reset);
    story.closes(7, "reader", BodyEnd::Reset);
    story.socket(7, "reader", "reader", 0, SocketFact::Dropped);
    story
}

#[test]
fn the_first_to_close_any_connection_of_the_response_is_told() {
    let story = reset_from_above();
    assert_eq!(ends(&story, EndsHow::Broken, "upstream"), "reader: ends");
    assert_eq!(
        ends(&story, EndsHow::Broken, "relay"),
        "reader: ends at 5ms: broken, first closed by relay | broken: status 200 and 1 frame, \
         then RST, first closed by upstream"
    );
    assert_eq!(
        ends(&story, EndsHow::Clean, "upstream"),
        "reader: ends at 7ms: clean, first closed by upstream | broken: status 200 and 1 frame, \
         then RST, first closed by upstream"
    );
}

#[test]
fn a_client_is_called_by_its_name_by_its_address_or_as_the_client() {
    let mut story = Story::streaming();
    story.relays(1, "reader", "data: [DONE]\n\n");
    story.finishes(2, "reader");
    assert!(ends(&story, EndsHow::Clean, "client").ends_with("first closed by nobody"));
    story.socket(3, "reader", "reader", 0, SocketFact::Dropped);
    story.socket(9, "relay", "reader", 1, SocketFact::Dropped);
    assert_eq!(ends(&story, EndsHow::Clean, "client"), "reader: ends");
    assert_eq!(ends(&story, EndsHow::Clean, "reader"), "reader: ends");
    // Of clients that share an address, the host is the address.
    story.plan.clients[0].from = "office".to_owned();
    for event in &mut story.trace.events {
        if &*event.actor == "reader" && matches!(event.fact, Fact::Socket(..)) {
            event.actor = "office".into();
        }
    }
    assert_eq!(ends(&story, EndsHow::Clean, "client"), "reader: ends");
    assert_eq!(ends(&story, EndsHow::Clean, "reader"), "reader: ends");
    assert_eq!(ends(&story, EndsHow::Clean, "office"), "reader: ends");
}

#[test]
fn a_stream_of_the_responses_api_is_complete_with_its_own_last_event() {
    let after = |text: &str| {
        let mut story = Story::streaming().of_responses();
        story.passes(1, "reader", text);
        story.closes(2, "reader", BodyEnd::Complete);
        let how = |how| {
            let ends = EndsAs { how: vec![how], first_closed_by: None };
            said(&story, &Expect { ends: Some(ends), ..reader() }) == "reader: ends"
        };
        [EndsHow::Clean, EndsHow::NoTerminator, EndsHow::ErrorEvent].map(how)
    };
    let completed = "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n";
    assert_eq!(after(completed), [true, false, false]);
    assert_eq!(after("event: response.created\ndata: {}\n\n"), [false, true, false]);
    assert_eq!(after("data: [DONE]\n\n"), [false, true, false]);
    let error = "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n";
    assert_eq!(after(error), [false, false, true]);
}

#[test]
fn a_client_that_shut_its_sending_side_has_not_left() {
    let mut story = Story::streaming();
    story.leaves(1, "reader", Leave::HalfClose);
    story.relays(2, "reader", "data: [DONE]\n\n");
    story.finishes(3, "reader");
    let clean = EndsAs { how: vec![EndsHow::Clean], first_closed_by: None };
    assert_eq!(said(&story, &Expect { ends: Some(clean), ..reader() }), "reader: ends");
    let mut open = Story::streaming();
    open.leaves(1, "reader", Leave::HalfClose);
    let left = EndsAs { how: vec![EndsHow::Left], first_closed_by: None };
    assert!(said(&open, &Expect { ends: Some(left), ..reader() }).contains("| still open:"));
}
