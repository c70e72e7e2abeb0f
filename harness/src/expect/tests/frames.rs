//! A list of frames is compared frame by frame, and the first that differs is the breach.

use super::*;

fn listed(story: &Story, list: &[&str]) -> String {
    let list = list.iter().map(|text| (*text).to_owned()).collect();
    said(story, &Expect { frames: Some(Frames::List(list)), ..reader() })
}

#[test]
fn a_list_holds_where_each_frame_is_the_listed_one_and_no_other_comes() {
    let story = three_frames();
    assert_eq!(listed(&story, &["data: 1", ": c", "data: [DONE]"]), "reader: frames");
    // As a block text of YAML gives it.
    assert_eq!(listed(&story, &["data: 1\n", ": c\n", "data: [DONE]\n"]), "reader: frames");
}

#[test]
fn it_breaks_at_the_first_frame_that_is_another() {
    let story = three_frames();
    assert_eq!(
        listed(&story, &["data: 1", ": d", "data: [DONE]"]),
        "reader: frames at 30ms: frame 2: `: d` | frame 2: `: c`"
    );
    assert_eq!(
        listed(&story, &["data: 1", ": c"]),
        "reader: frames at 90ms: nothing after 2 frames | frame 3: `data: [DONE]`"
    );
    assert_eq!(
        listed(&story, &["data: 1", ": c", "data: [DONE]", ": e"]),
        "reader: frames at 100ms: frame 4: `: e` | status 200 and 3 frames, then a clean end of the body"
    );
}

#[test]
fn line_ends_inside_a_frame_count_and_those_behind_it_do_not() {
    let mut story = Story::streaming();
    story.relays(1, "reader", "\n\nid: 1\r\ndata: a\r\n\r\n");
    story.finishes(2, "reader");
    assert_eq!(listed(&story, &["id: 1\r\ndata: a"]), "reader: frames");
    assert_eq!(
        listed(&story, &["id: 1\ndata: a"]),
        "reader: frames at 1ms: frame 1: `id: 1\\ndata: a` | frame 1: `id: 1\\r\\ndata: a`"
    );
}

#[test]
fn a_frame_that_no_blank_line_ended_is_none() {
    let mut story = Story::streaming();
    story.relays(1, "reader", "data: 1\n\ndata: 2\n");
    story.finishes(2, "reader");
    assert_eq!(listed(&story, &["data: 1"]), "reader: frames");
}
