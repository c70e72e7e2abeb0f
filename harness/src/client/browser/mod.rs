//! A page's `fetch`, by the Fetch standard: preflight, checks, and what script may see.
//!
//! Modelled: the steps of Fetch that a relay can get wrong (CORS-preflight fetch, CORS check, the
//! filtering of the response). Not modelled: the preflight cache (every request that needs a
//! preflight sends one), redirects (none is followed), cookies, mixed content, connection reuse. How many
//! connections its tabs have is [`Tabs`](super::Tabs)'s to know.

mod cors;
mod page;
mod preflight;
mod safelist;

pub(super) use cors::check;
pub(super) use page::{Mode, fetch};
