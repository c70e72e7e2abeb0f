//! Scripts that contradict themselves: each is refused with its place, the cause and the remedy.

use std::{io, path::Path};

use bytes::Bytes;
use mock_openai::{
    script,
    yaml::{Diagnostic, FILE_SIZE_MAX, Files},
};

/// A store of a few files.
struct Shelf;

impl Files for Shelf {
    fn read(&self, path: &Path) -> io::Result<Bytes> {
        match path.to_str() {
            Some("folder/good.sse") => Ok(Bytes::from_static(b"data: a\n\n")),
            Some("folder/empty.sse") => Ok(Bytes::new()),
            Some("folder/large.sse") => Ok(vec![b'x'; FILE_SIZE_MAX + 1].into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What is said of a rule, as `marked text: message; help`.
fn said(rule: &str) -> Vec<String> {
    let text = format!("- {}\n", rule.replace('\n', "\n  "));
    let wrong = script::load("folder/script.yaml", text.as_bytes(), &Shelf);
    let say = |one: &Diagnostic| {
        let more = one.help.as_deref().or(one.wanted.as_deref()).unwrap_or("-");
        let line = one.source.as_deref().unwrap_or_default().chars();
        let marked: String = line.skip(one.column - 1).take(one.length).collect();
        format!("{marked}: {}; {more}", one.message)
    };
    wrong.err().unwrap_or_default().iter().map(say).collect()
}

#[track_caller]
fn assert_said(rule: &str, expected: &str) {
    assert_eq!(said(rule), [expected], "{rule}");
}

/// The same of one step.
#[track_caller]
fn assert_step(step: &str, expected: &str) {
    assert_said(&format!("then:\n  - {step}"), expected);
}

#[test]
fn cuts() {
    for (step, expected) in [
        (
            "cut: { at: [1], every: 2, steps: [{ send: { raw: abc } }] }",
            "every: `at` and `every` stand together; keep one of them: a `cut` says one kind of place; a cut in a cut adds another",
        ),
        (
            "cut: { inside: utf8, by: 2, steps: [{ send: { raw: abc } }] }",
            "by: `inside` and `by` stand together; keep one of them: a `cut` says one kind of place; a cut in a cut adds another",
        ),
        (
            "cut: { steps: [{ send: { raw: abc } }] }",
            "cut: `cut` does not say where; say `at`, `every`, `inside`, `random` or `by`",
        ),
        (
            "cut: { at: [2, 1], steps: [{ send: { raw: abc } }] }",
            "1: `1` stands behind `2`; the places are in order, each once",
        ),
        (
            "cut: { at: [0], steps: [{ send: { raw: abc } }] }",
            "0: nothing stands before the first byte that could be cut off; the first place that cuts is `1`",
        ),
        (
            "cut: { at: [9999], steps: [{ send: { raw: abc } }] }",
            "9999: the steps inside send at most 3 bytes; bytes are counted from 0",
        ),
        (
            "cut: { every: 0, steps: [{ send: { raw: abc } }] }",
            "0: 0 makes nothing happen; wanted: 1 or more",
        ),
        (
            "cut: { by: 0, steps: [{ send: { raw: abc } }] }",
            "0: 0 makes nothing happen; wanted: 1 or more",
        ),
        (
            "cut: { random: { min: 0, max: 3 }, steps: [{ send: { raw: abc } }] }",
            "0: 0 makes nothing happen; wanted: 1 or more",
        ),
        (
            "cut: { random: { min: 4, max: 3 }, steps: [{ send: { raw: abc } }] }",
            "4: the smallest piece (4) is larger than the largest (3); swap them: `min: 3, max: 4`",
        ),
        ("cut: { every: 1, steps: [] }", "steps: no steps stand inside `cut`; -"),
    ] {
        assert_step(step, expected);
    }
}

#[test]
fn what_a_joined_cut_cannot_hold() {
    let remedy = "what it joins leaves together: put this before or after the `cut`";
    for step in [
        "wait: { until: peer_closed }",
        "wait: forever",
        "mark: m",
        "head: {}",
        "end: clean",
        "json: {}",
        "cut: { every: 1, steps: [{ send: { raw: a } }] }",
    ] {
        let word = step.split_once(':').unwrap().0;
        assert_step(
            &format!("cut: {{ every: 2, joined: true, steps: [{{ {step} }}] }}"),
            &format!("{word}: `{word}` stands inside a cut that is `joined`; {remedy}"),
        );
    }
}

#[test]
fn sends() {
    for (send, expected) in [
        ("{ hex: 6g }", "6g: `g` is no hexadecimal digit; write `\"64 61 ff\"`"),
        (
            "{ hex: '616' }",
            "'616': a byte has two hexadecimal digits, and the last has one; write `\"64 61 ff\"`",
        ),
        ("{ hex: '' }", "'': `hex` holds no bytes to send; -"),
        (
            "{ raw: a, eol: crlf }",
            "eol: `eol` changes nothing: `raw` gives the exact bytes; it is for the fields of an event and for presets",
        ),
        (
            "{ file: good.sse, final_blank_line: false }",
            "final_blank_line: `final_blank_line` changes nothing: `file` gives the exact bytes; it is for the fields of an event and for presets",
        ),
        (
            "{ raw: a, hex: '61' }",
            "hex: `raw` and `hex` stand together; keep one of them: each is the whole of what is sent",
        ),
        (
            "{ data: a, preset: openrouter-comment }",
            "preset: `preset` and `data` stand together; `preset` is the whole of what is sent: write the fields into it",
        ),
        (
            "{ data: \"a\\rb\" }",
            "\"a\\rb\": `data` holds a CR, which would end its line; to send broken lines, write `raw`",
        ),
        (
            "{ file: none.sse }",
            "none.sse: `folder/none.sse` cannot be read: entity not found; the path counts from the folder of the file that names it",
        ),
        (
            "{ file: large.sse }",
            "large.sse: `folder/large.sse` is larger than 1 MiB; cut the recording down to what the answer needs",
        ),
        (
            "{ file: empty.sse }",
            "empty.sse: `folder/empty.sse` is empty, so nothing would be sent; -",
        ),
    ] {
        assert_step(&format!("send: {send}"), expected);
    }
    let base64 = said("then:\n  - send: { base64: ZGF }");
    assert!(base64[0].starts_with("ZGF: this is not base64: "), "{base64:?}");
    assert_eq!(said("then:\n  - send: { file: good.sse }"), [""; 0]);
}

#[test]
fn heads() {
    for (head, expected) in [
        (
            "{ headers: { x-a: [] } }",
            "[]: a header without a value is not sent; to take a usual header away, write `x-a: absent`",
        ),
        (
            "{ headers: { x-a: ['1', absent] } }",
            "absent: `absent` takes the header away, and other values stay; let it stand alone, or leave it out",
        ),
        (
            "{ headers: { x-a: '1', X-A: '2' } }",
            "X-A: `X-A` and `x-a` are one header; give it several values: `x-a: [\"1\", \"2\"]`",
        ),
        (
            "{ headers: { x-a: [\"1\", \"\\0\"] } }",
            "\"\\0\": a header's value holds a control character; -",
        ),
        ("{ status: 199 }", "199: `199` is no status of a final response; wanted: 200 to 599"),
    ] {
        assert_step(&format!("head: {head}"), expected);
    }
}

#[test]
fn ends_that_the_framing_cannot_tell() {
    let remedy = "the head says `framing: until_close`: leave that out, or write `end: fin`";
    let head = "then:\n  - head: { framing: until_close }\n  - ";
    let unseen = "no peer can see that this body is cut: FIN is its proper end";
    assert_said(&format!("{head}end: truncated"), &format!("truncated: {unseen}; {remedy}"));
    assert_said(
        &format!("{head}end: {{ close_idle_after: 1s }}"),
        &format!(
            "{{ close_idle_after: 1s }}: the end of the body closes the connection already; {remedy}"
        ),
    );
    assert_said(
        &format!(
            "{head}trip: {{ after: {{ frames: 1 }}, end: truncated }}\n  - send: {{ raw: a }}"
        ),
        &format!("truncated: {unseen}; {remedy}"),
    );
}

#[test]
fn waits() {
    for (wait, expected) in [
        (
            "{ uniform: { min: 2s, max: 1s } }",
            "2s: the shortest time (2s) is longer than the longest (1s); swap them: `min: 1s, max: 2s`",
        ),
        (
            "{ lognormal: { median: 1s, sigma: 5.5 } }",
            "5.5: `5.5` is no standard deviation of a logarithm; measured response times have 0.3 to 1",
        ),
        (
            "{ lognormal: { median: 0s, sigma: 1 } }",
            "0s: a median of nothing makes every time nothing; -",
        ),
        (
            "{ normal: { mean: 1s, deviation: 0s } }",
            "0s: a deviation of nothing makes every time the mean; -",
        ),
        (
            "{ pareto: { least: 0s, shape: 1 } }",
            "0s: a least of nothing makes every time nothing; -",
        ),
        (
            "{ pareto: { least: 2s, shape: 1, max: 1s } }",
            "1s: the longest time is shorter than the shortest; -",
        ),
        ("{ exponential: { mean: 0s } }", "0s: a mean of nothing makes every time nothing; -"),
        (
            "{ exponential: { mean: 1s, max: 0s } }",
            "0s: a max of nothing makes every time nothing; -",
        ),
    ] {
        assert_step(&format!("wait: {wait}"), expected);
    }
    assert_step(
        "stream: { every: { uniform: { min: 2s, max: 1s } } }",
        "2s: the shortest time (2s) is longer than the longest (1s); swap them: `min: 1s, max: 2s`",
    );
    assert_said(
        "then:\n  - wait: { until: { mark: gone } }\n  - mark: done",
        "gone: no step of the script marks `gone`; did you mean `done`?",
    );
    let counted = "then:\n  - repeat: { times: 2, steps: [{ mark: 'pass {n}' }] }\n  - wait: { until: { mark: pass 2 } }";
    assert_eq!(said(counted), [""; 0]);
}

#[test]
fn rules() {
    let then = "then: [{ head: {} }]";
    for (rule, expected) in [
        (
            "when: { nth: 4-2 }",
            "4-2: the range 4-2 is empty; the smaller number stands first: `nth: 2-4`",
        ),
        (
            "limit: { per: 1s }",
            "limit: the quota counts nothing; say `requests: 10`, `tokens: 1000` or both",
        ),
        (
            "limit: { tokens: 0, per: 1s }",
            "0: a quota of 0 admits nothing; to refuse every request, answer `error: { preset: rate_limit }`",
        ),
        (
            "keys: []",
            "keys: no key is accepted; name one key at least, or leave `keys` out to ask for none",
        ),
        ("keys: ['']", "'': no header can carry this key; wanted: printable ASCII without blanks"),
        (
            "keys: ['a b']",
            "'a b': no header can carry this key; wanted: printable ASCII without blanks",
        ),
        ("keys: [k, k]", "k: `k` stands here twice; -"),
        (
            "match: { body: $.a == b }",
            "$.a == b: `b` behind `==` is no JSON; a text stands in double quotes: `$.messages[0].role == \"user\"`",
        ),
    ] {
        assert_said(&format!("{rule}\n{then}"), expected);
    }
    let path = said(&format!("match: {{ body: 'stream' }}\n{then}"));
    assert!(path[0].starts_with("'stream': `stream` is no JSONPath (RFC 9535): "), "{path:?}");
}

#[test]
fn streams() {
    for (stream, expected) in [
        (
            "{ text: a, refusal: b }",
            "refusal: `text` and `refusal` stand together; keep one of them: a refusal stands in the place of the text",
        ),
        ("{ choices: 0 }", "0: an answer has no 0 choices; wanted: 1 to 128"),
        ("{ choices: [] }", "[]: an answer has no 0 choices; wanted: 1 to 128"),
        (
            "{ choices: 2, dialect: openai-responses }",
            "choices: the Responses API gives one answer to a request; leave `choices` out, or write `dialect: openai-chat`",
        ),
    ] {
        assert_step(&format!("stream: {stream}"), expected);
    }
}

#[test]
fn a_loop_of_nothing() {
    assert_step("repeat: { times: 2, steps: [] }", "steps: no steps stand inside `repeat`; -");
}
