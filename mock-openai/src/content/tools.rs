//! The tools that a request offers, in the shapes of both of its dialects.

use serde_json::Value;

/// A function that the model may call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    /// The JSON Schema of its arguments.
    pub(super) parameters: Option<&'a Value>,
}

/// The tool of that name, or the first function where none is named.
pub(super) fn find<'a>(body: Option<&'a Value>, name: Option<&str>) -> Option<Tool<'a>> {
    let tools = body?.get("tools")?.as_array()?;
    tools.iter().filter_map(tool).find(|tool| name.is_none_or(|name| tool.name == name))
}

/// Chat completions nest it in `function`; Responses have it flat, beside tools without a name.
fn tool(tool: &Value) -> Option<Tool<'_>> {
    let function = tool.get("function").filter(|nested| nested.is_object()).unwrap_or(tool);
    Some(Tool { name: function.get("name")?.as_str()?, parameters: function.get("parameters") })
}
