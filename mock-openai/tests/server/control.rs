//! Control over HTTP beside the script.

use crate::support::{names, play, request, start};

const ONE: &str = "- then: [{ send: { raw: one } }]\n";

#[test]
fn the_journal_tells_a_request_and_its_answer_and_nothing_of_control() {
    let server = play(ONE, &[]);
    assert_eq!(server.get("/__mock/healthz").body, "ok\n");
    server.ask("POST", "/a?b=c", "x-test: 7\r\n", "hé");
    let entries = server.journal("");
    let expected = ["accepted", "request", "matched", "head", "wrote", "ended", "closed"];
    assert_eq!(names(&entries), expected);
    let asked = &entries[1];
    assert_eq!((&asked["method"], &asked["target"]), (&"POST".into(), &"/a?b=c".into()));
    assert_eq!((&asked["text"], &asked["length"]), (&"hé".into(), &3.into()));
    let headers = asked["headers"].as_array().unwrap();
    assert!(headers.contains(&serde_json::json!(["x-test", "7"])), "{headers:?}");
    // Control came first, and still this is the first request.
    assert_eq!(asked["request"], 0);
    let wrote = &entries[4];
    assert_eq!((&wrote["offset"], &wrote["text"]), (&0.into(), &"one".into()));
    let times: Vec<f64> = entries.iter().map(|entry| entry["at_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 0.0 && times[6] < 60_000.0, "{times:?}");
}

#[test]
fn the_journal_is_filtered_by_its_query() {
    let server = play(ONE, &[]);
    server.post("/first", "");
    let answer = server.get("/__mock/journal").json();
    assert_eq!(answer["dropped"], 0);
    let next = answer["next"].as_u64().unwrap();
    server.post("/second", "");
    let asked = server.journal("?event=request");
    let targets: Vec<_> = asked.iter().map(|entry| entry["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["/first", "/second"]);
    assert_eq!(server.journal(&format!("?since={next}&event=request")), asked[1..]);
    assert_eq!(server.journal("?request=1&event=request"), asked[1..]);
    let second = asked[1]["connection"].as_u64().unwrap();
    let of_second = server.journal(&format!("?connection={second}"));
    assert_eq!(of_second[0]["event"], "accepted");
    assert_eq!(of_second.len(), 7);
    let wrong = server.get("/__mock/journal?first=1");
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.starts_with("`first` is no filter; known are"), "{wrong:?}");
}

#[test]
fn a_connection_that_carries_both_is_told_from_its_first_request_on() {
    let server = play(ONE, &[]);
    let mut both = server.connect();
    both.send(&request("GET", "/__mock/healthz", "", ""));
    assert!(both.read("ok\n").contains("content-length: 3\r\n"));
    assert_eq!(names(&server.journal("")), [""; 0]);
    both.send(&request("POST", "/a", "", ""));
    both.read("0\r\n\r\n");
    both.send(&request("POST", "/__mock/reset", "", ""));
    both.read("true}\n");
    both.send(&request("POST", "/a", "", ""));
    both.read("0\r\n\r\n");
    both.send(&request("GET", "/__mock/healthz", "", ""));
    both.read("ok\n");
    assert_eq!(names(&server.journal("")), ["request", "matched", "head", "wrote", "ended"]);
}

#[test]
fn another_script_answers_from_the_next_request_on() {
    let server =
        play("- then: [{ send: { raw: a } }, { wait: 300ms }, { send: { raw: z } }]\n", &[]);
    assert_eq!(
        server.get("/__mock/script").body,
        "- then: [{ send: { raw: a } }, { wait: 300ms }, { send: { raw: z } }]\n"
    );
    let mut under_way = server.begin("POST", "/", "", "");
    under_way.read("1\r\na\r\n");
    let answer = server.post("/__mock/script", ONE);
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"rules\":1}\n"));
    assert!(server.post("/", "").body.contains("3\r\none\r\n"));
    // It finishes on the script under which it began.
    assert_eq!(under_way.rest(), "1\r\nz\r\n0\r\n\r\n");
    assert_eq!(server.get("/__mock/script").body, ONE);
    let json = server.ask("GET", "/__mock/script", "accept: application/json\r\n", "").json();
    assert_eq!(json[0]["then"][0]["send"]["raw"], "one");
}

#[test]
fn a_wrong_script_is_refused_with_all_its_mistakes_and_changes_nothing() {
    let server = play(ONE, &[]);
    let wrong = "- thn: []\n- then: [{ wait: 5 }]\n";
    let text = server.post("/__mock/script", wrong);
    assert_eq!(text.status, 400);
    assert!(text.head.contains("content-type: text/plain"), "{}", text.head);
    for expected in ["unknown key `thn`", "script:1:3", "script:2:18"] {
        assert!(text.body.contains(expected), "{expected} is not in\n{}", text.body);
    }
    let json = server.ask("POST", "/__mock/script", "accept: application/json\r\n", wrong);
    assert_eq!(json.status, 400);
    let places: Vec<_> = json.json()["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["column"].as_u64().unwrap()))
        .collect();
    assert!(places.contains(&(1, 3)) && places.contains(&(2, 18)), "{places:?}");
    assert_eq!(server.get("/__mock/script").body, ONE);
    assert!(server.post("/", "").body.contains("one"));
}

#[test]
fn a_reset_forgets_what_was_counted_and_told_and_keeps_the_script() {
    let script =
        "- { when: { nth: 1 }, limit: { requests: 1, per: 1h }, then: [{ send: { raw: one } }] }\n";
    let server = play(script, &[]);
    assert_eq!(server.post("/", "").status, 200);
    assert_eq!(server.post("/", "").status, 501);
    let reset = server.post("/__mock/reset", "");
    assert_eq!((reset.status, reset.body.as_str()), (200, "{\"reset\":true}\n"));
    assert_eq!(names(&server.journal("")), [""; 0]);
    // The count and the quota begin anew.
    assert_eq!(server.post("/", "").status, 200);
    assert_eq!(server.get("/__mock/script").body, script);
}

#[test]
fn the_journal_holds_as_much_as_it_is_told_to() {
    let server = play(ONE, &["--journal-size", "2"]);
    server.post("/", "");
    let answer = server.get("/__mock/journal").json();
    assert_eq!(names(answer["entries"].as_array().unwrap()), ["ended", "closed"]);
    // One number went to the connection that asks for this.
    assert_eq!((&answer["dropped"], &answer["next"]), (&5.into(), &8.into()));
}

#[test]
fn what_does_not_stand_there_is_refused_with_what_does() {
    let server = play(ONE, &[]);
    let unknown = server.get("/__mock/jurnal");
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("GET /__mock/journal, GET /__mock/script, POST"), "{unknown:?}");
    let wrong = server.get("/__mock/reset");
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("\r\nallow: POST"), "{wrong:?}");
    let json = server.ask("GET", "/__mock/x", "accept: application/json\r\n", "").json();
    assert!(json["error"].as_str().unwrap().starts_with("nothing stands at /__mock/x"), "{json}");
    let head = server.ask("HEAD", "/__mock/healthz", "", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let page = server.ask("POST", "/__mock/script", "origin: http://evil.example\r\n", "[]");
    assert_eq!(page.status, 403);
    assert_eq!(server.get("/__mock/script").body, ONE);
}

#[test]
fn without_control_its_paths_are_the_scripts() {
    let any = "- { match: { path: /__mock/healthz }, then: [{ send: { raw: mine } }] }\n";
    for arguments in [&["--no-control"][..], &["--listen", "0.0.0.0:0"]] {
        let server = play(any, arguments);
        assert!(server.get("/__mock/healthz").body.contains("mine"), "{arguments:?}");
        assert_eq!(server.get("/__mock/journal").status, 501, "{arguments:?}");
        assert!(server.start_line.contains("(no control"), "{}", server.start_line);
    }
    let server = start(&["--listen", "0.0.0.0:0", "--control"]);
    assert_eq!(server.get("/__mock/healthz").body, "ok\n");
    assert!(server.start_line.ends_with("(control under /__mock/)"), "{}", server.start_line);
}
