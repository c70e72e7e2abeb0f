//! The stream core holds what it promises for any bytes in any cut and any order of what happens.

mod core_check;

use std::time::Duration;

use core_check::{Step, What, check, check_ids, drawn};
use proptest::prelude::*;
use relay::{
    MissingDone,
    stream::{Family, Heartbeat, HeartbeatForm, Policy},
};

/// Times that lie on both sides of each other, as budgets and as silences.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX / 4),
        (1_u64..200).prop_map(Duration::from_secs),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let heartbeat = (time(), prop_oneof![Just(HeartbeatForm::Comment), Just(HeartbeatForm::Event)])
        .prop_map(|(every, form)| Heartbeat { every, form });
    let budget = || proptest::option::of(time());
    (
        prop_oneof![Just(Family::Chat), Just(Family::Responses), Just(Family::Opaque)],
        proptest::option::of(heartbeat),
        (budget(), budget(), budget()),
        prop_oneof![Just(MissingDone::Error), Just(MissingDone::Tolerate)],
    )
        .prop_map(|(family, heartbeat, (first_byte, idle_warn, idle), missing_done)| Policy {
            family,
            ids: None,
            heartbeat,
            first_byte,
            idle_warn,
            idle,
            missing_done,
        })
}

/// Pieces of the grammar, in any cut.
const WORDS: &[&str] = &[
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "data: x",
    "data: [DONE]",
    "data: [DONE]\n\n",
    "data: [DO",
    "NE]",
    "data: {\"error\":{}}\n\n",
    "event: response.completed\n",
    "data: {\"type\":\"response.completed\",\"sequence_number\":18446744073709551615}\n\n",
    "data: {\"type\":\"error\"}",
    "data",
    ": comment",
    "event: ",
    "\u{feff}",
];

/// The grammar's pieces come far more often than chance would bring them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => Just(b"\xEF\xBB".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..40),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        12 => bytes().prop_map(What::Bytes),
        8 => Just(What::Silence),
        1 => Just(What::End),
        1 => Just(What::Failed),
        1 => Just(What::Shutdown),
    ];
    let after =
        prop_oneof![4 => Just(Duration::ZERO), 1 => (1_u64..200).prop_map(Duration::from_secs)];
    let step = (after, what).prop_map(|(after, what)| Step { after, what });
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_core_holds_its_promises_whatever_happens(policy in policy(), steps in steps()) {
        check(&policy, &steps);
    }

    #[test]
    fn ids_are_all_that_is_added_to_numbered_streams(policy in policy(), steps in steps()) {
        check_ids(&policy, &steps);
    }

    #[test]
    fn any_bytes_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some((policy, steps)) = drawn(&bytes) {
            check(&policy, &steps);
            check_ids(&policy, &steps);
        }
    }
}
