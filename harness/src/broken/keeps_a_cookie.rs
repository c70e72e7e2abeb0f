//! Keeps a cookie of one client for the next.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use http::{HeaderMap, HeaderValue, header};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "keeps-a-cookie",
    mistake: "keeps the headers of an answer for the next one, and sets the cookie of one client for \
              another",
    made_by: "Cap-go/capgo.app PR#2777 and ujeenet/rustango PR#1259: a cached answer is replayed to \
              everybody with the `Set-Cookie` of who asked first",
    caught_by: &["no-cross-talk"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let kept = Arc::new(Mutex::new(None));
    parts::relay(setup, move |upstream, call| {
        let kept = Arc::clone(&kept);
        async move {
            let mut answer = parts::Answer::from(call.send(&upstream).await?);
            keep_or_set(&kept, &mut answer.headers);
            Ok(answer.change_stream(parts::with_error_event))
        }
    })
}

/// Keeps the cookie that an answer sets; one that sets none gets the kept one.
fn keep_or_set(kept: &Mutex<Option<HeaderValue>>, headers: &mut HeaderMap) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    match (headers.get(header::SET_COOKIE), &*kept) {
        (Some(own), _) => *kept = Some(own.clone()),
        (None, Some(cookie)) => {
            headers.insert(header::SET_COOKIE, cookie.clone());
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_answer_gets_the_cookie_of_the_one_before() {
        let kept = Mutex::default();
        let cookie_of = |own: &[(header::HeaderName, HeaderValue)]| {
            let mut headers: HeaderMap = own.iter().cloned().collect();
            keep_or_set(&kept, &mut headers);
            headers.get(header::SET_COOKIE).cloned()
        };
        let cookie = |text| HeaderValue::from_static(text);
        assert_eq!(cookie_of(&[]), None);
        let first = (header::SET_COOKIE, cookie("session=1"));
        assert_eq!(cookie_of(&[first]), Some(cookie("session=1")));
        assert_eq!(cookie_of(&[]), Some(cookie("session=1")));
        let second = (header::SET_COOKIE, cookie("session=2"));
        assert_eq!(cookie_of(&[second]), Some(cookie("session=2")));
    }
}
