//! `GET` and `POST /__mock/script`: the script in force.

use serde_json::json;

use super::{
    Context,
    reply::{JSON, Reply, TEXT, wants_json},
};
use crate::{
    script,
    yaml::{Diagnostic, NoFiles},
};

/// What diagnostics call a script that came over HTTP.
const NAME: &str = "script";

/// As it was written; in JSON, which is YAML too, where it never was a text or JSON is asked for.
pub(super) fn get(context: &Context<'_>) -> Reply {
    let play = context.provider.play();
    match &play.source {
        Some(source) if !wants_json(context.request) => {
            Reply::new(200, "application/yaml", source.to_vec())
        }
        _ => match serde_json::to_vec_pretty(&play.script) {
            Ok(text) => Reply::new(200, JSON, text),
            Err(error) => Reply::error(context.request, 500, &error.to_string()),
        },
    }
}

/// Puts a script in force, or changes nothing and tells all that is wrong with it.
pub(super) fn post(context: &Context<'_>) -> Reply {
    let text = &context.request.body;
    match script::load(NAME, text, &NoFiles) {
        Ok(script) => {
            let rules = script.len();
            context.provider.set_script_text(script, text.clone());
            Reply::new(200, JSON, format!("{{\"rules\":{rules}}}\n"))
        }
        Err(diagnostics) => refusal(context, &diagnostics),
    }
}

fn refusal(context: &Context<'_>, diagnostics: &[Diagnostic]) -> Reply {
    if wants_json(context.request) {
        return Reply::new(400, JSON, json!({ "diagnostics": diagnostics }).to_string());
    }
    let texts: Vec<String> = diagnostics.iter().map(|one| format!("{one}\n")).collect();
    Reply::new(400, TEXT, texts.join("\n"))
}
