//! The pages that are made of the code and of the catalogue are what is committed.
//!
//! `PAGES=write cargo test -q -p harness --test pages` writes all of them.

use std::{env, fs, path::Path};

use harness::scenario::schema;
use rstest::rstest;

mod relays;
mod rules;
mod scenarios;
mod sdks;
mod text;

/// Whether pages are written, and not compared.
fn writes() -> bool {
    env::var_os("PAGES").is_some_and(|value| value == "write")
}

#[rstest]
#[case("docs/sdks.md", sdks::page)]
#[case("docs/broken-relays.md", || Ok(relays::page()))]
#[case("docs/rules.md", || Ok(rules::page()))]
#[case("scenarios/README.md", scenarios::page)]
#[case("docs/scenario-language.md", || Ok(schema::reference()))]
#[case(schema::Kind::Scenario.path(), || Ok(schema::published(schema::Kind::Scenario)))]
#[case(schema::Kind::Script.path(), || Ok(schema::published(schema::Kind::Script)))]
fn the_page_is_what_it_is_made_of(
    #[case] name: &str,
    #[case] page: fn() -> Result<String, String>,
) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let page = page()?;
    if writes() {
        return fs::write(&path, page).map_err(|error| format!("{name}: {error}"));
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == page {
        return Ok(());
    }
    Err(format!(
        "{name} is not what it is made of: {}\n`PAGES=write cargo test -q -p harness --test pages` writes all pages; read what changes",
        text::first_difference(&committed, &page)
    ))
}
