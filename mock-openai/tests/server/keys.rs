//! Bearer keys that the server asks for.

use serde_json::json;

use crate::support::{names, play};

#[test]
fn a_request_without_a_key_is_refused_as_the_provider_refuses_it() {
    let script = "- { when: { nth: 1 }, then: [{ send: { raw: in } }] }\n";
    let server = play(script, &["--key", "sk-1", "--key", "sk-2"]);
    for headers in ["", "authorization: Bearer sk-3\r\n", "authorization: sk-1\r\n"] {
        let answer = server.ask("POST", "/v1/chat/completions", headers, "{}");
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(answer.head.contains("\r\nwww-authenticate: Bearer"), "{}", answer.head);
        let error = &answer.json()["error"];
        assert!(error["message"].is_string());
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(error["code"], "invalid_api_key");
        assert_eq!(error["param"], json!(null));
    }
    let told = server.journal("?request=0");
    assert_eq!(names(&told), ["request", "unauthorized", "head", "wrote", "ended"]);
    // No rule has counted them.
    let answer = server.ask("POST", "/v1/models", "authorization: Bearer sk-2\r\n", "{}");
    assert_eq!(answer.status, 200);
}

#[test]
fn what_is_not_the_api_needs_no_key() {
    let server = play("- then: [{ send: { raw: in } }]\n", &["--key", "sk-1"]);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/__mock/healthz").status, 200);
}
