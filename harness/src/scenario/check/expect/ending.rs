//! How a client's response is expected to end.

use mock_openai::yaml::{Diagnostic, Place};

use super::super::{Names, hosts};
use crate::scenario::{EndsAs, Scenario};

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    ends: &EndsAs,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    const HELP: &str = "write `how: broken`, or `any_of: [error_event, broken]`";
    let (how, any_of) = (place.key("how"), place.key("any_of"));
    if how.exists() && any_of.exists() {
        let message = "`how` and `any_of` stand together";
        wrong.push(any_of.at_key().wrong(message).help("keep one of them"));
    } else if any_of.exists() && ends.how.is_empty() {
        wrong.push(any_of.wrong("no ending at all is accepted").help(HELP));
    } else if ends.how.is_empty() {
        wrong.push(place.wrong("no ending is named").help(HELP));
    }
    for (index, way) in ends.how.iter().enumerate() {
        if any_of.exists() && ends.how[..index].contains(way) {
            wrong.push(any_of.nth(index).wrong("this ending stands twice"));
        }
    }
    let Some(host) = &ends.first_closed_by else { return };
    let here = place.key("first_closed_by");
    if let Some(count) = names.counted_group(host) {
        let message = format!("`{host}` stands for {count} clients");
        let help = "write `client` for whichever it is, or name one, such as";
        wrong.push(here.wrong(message).help(format!("{help} `{host}-1`")));
        return;
    }
    let links = || names.links.iter().map(String::as_str);
    let hosts = || names.hosts.iter().chain(&names.clients).map(String::as_str);
    if !hosts().chain(links()).chain(["client"]).any(|known| known == host) {
        let words = ["client"].into_iter().chain(hosts::host_words(scenario)).chain(links());
        wrong.push(here.wrong(format!("unknown host `{host}`")).known(host, words));
    }
}
