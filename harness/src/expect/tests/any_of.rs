//! Of several outcomes the first that holds decides; where none does, all are told.

use super::*;
use crate::scenario::Grade;

fn outcome(grade: Option<Grade>, how: EndsHow) -> Expect {
    let ends = Some(EndsAs { how: vec![how], first_closed_by: None });
    Expect { ends, grade, ..reader() }
}

/// The verdict of an `any_of`, and what is told of a lenient outcome.
fn judged(story: &Story, any_of: Vec<Expect>) -> (String, Option<(String, Vec<String>)>) {
    let expect = Expect { any_of, ..Expect::default() };
    let found = judge(&Run::of(&story.trace, &story.plan), &expect);
    (said(story, &expect), found.lenient.map(|one| (one.label, one.instead_of)))
}

fn strict_or_lenient() -> Vec<Expect> {
    vec![
        outcome(Some(Grade::Strict), EndsHow::ErrorEvent),
        outcome(Some(Grade::Lenient), EndsHow::Broken),
    ]
}

fn after(text: &str, how: BodyEnd) -> Story {
    let mut story = Story::streaming();
    story.passes(1, "reader", text);
    story.closes(2, "reader", how);
    story
}

#[test]
fn the_first_that_holds_decides_and_a_strict_one_says_nothing_more() {
    let story = after("data: {\"error\":{}}\n\n", BodyEnd::Truncated);
    assert_eq!(judged(&story, strict_or_lenient()), ("any_of: reader: ends".to_owned(), None));
    let mut lenient_first = strict_or_lenient();
    lenient_first.reverse();
    assert_eq!(judged(&story, lenient_first).1, None);
    // Where no grade is given it is strict.
    let ungraded = vec![outcome(None, EndsHow::ErrorEvent)];
    assert_eq!(judged(&story, ungraded), ("any_of: reader: ends".to_owned(), None));
}

#[test]
fn a_lenient_outcome_holds_and_tells_what_it_stands_for() {
    let story = after("data: 1\n\n", BodyEnd::Reset);
    let (verdict, lenient) = judged(&story, strict_or_lenient());
    assert_eq!(verdict, "any_of: reader: ends");
    let instead = "strict: reader: ends: error_event, got broken: status 200 and 1 frame, then RST";
    assert_eq!(lenient, Some(("any_of: reader: ends".to_owned(), vec![instead.to_owned()])));
}

#[test]
fn where_none_holds_every_outcome_is_told_and_what_was_got() {
    let story = after("data: [DONE]\n\n", BodyEnd::Complete);
    let mut outcomes = strict_or_lenient();
    outcomes[1].status = Some(502);
    let (verdict, lenient) = judged(&story, outcomes);
    assert_eq!(lenient, None);
    assert_eq!(
        verdict,
        "any_of: reader: ends at 2ms: strict: reader: ends: error_event or lenient: reader: \
         status: 502, and reader: ends: broken | clean: status 200 and 1 frame, then a clean end \
         of the body; 200"
    );
}

#[test]
fn an_outcome_holds_only_with_all_that_it_says() {
    let story = after("data: 1\n\n", BodyEnd::Reset);
    let mut outcomes = strict_or_lenient();
    outcomes[1].status = Some(200);
    let (verdict, lenient) = judged(&story, outcomes.clone());
    assert_eq!(verdict, "any_of: reader: status, reader: ends");
    assert!(lenient.is_some());
    outcomes[1].status = Some(201);
    assert!(judged(&story, outcomes).0.contains(" or lenient: reader: status: 201 | "));
}
