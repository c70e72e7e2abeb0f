"""Offers a tool and has the SDK's own helpers read the call's arguments."""
import json

from client import API, ASK, client

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {"name": "weather", "parameters": SCHEMA, "strict": True}

if API == "chat":
    ask = {"model": "gpt-4o", "messages": ASK, "tools": [{"type": "function", "function": TOOL}]}

    def told(completion):
        choice = completion.choices[0]
        call = choice.message.tool_calls[0]
        return {
            "name": call.function.name,
            "arguments": call.function.parsed_arguments,
            "id": call.id.startswith("call_"),
            "finish": choice.finish_reason,
        }

    with client.chat.completions.stream(**ask) as stream:
        events = [event.type for event in stream]
        streamed = told(stream.get_final_completion())
    streamed["fragments"] = events.count("tool_calls.function.arguments.delta") > 1
    whole = told(client.chat.completions.parse(**ask))
else:
    ask = {"model": "gpt-4o", "input": "Say something.", "tools": [{"type": "function", **TOOL}]}

    def told(response):
        call = next(item for item in response.output if item.type == "function_call")
        return {
            "name": call.name,
            "arguments": call.parsed_arguments,
            "id": call.call_id.startswith("call_"),
            "finish": response.status,
        }

    with client.responses.stream(**ask) as stream:
        events = [event.type for event in stream]
        streamed = told(stream.get_final_response())
    streamed["fragments"] = events.count("response.function_call_arguments.delta") > 1
    whole = told(client.responses.parse(**ask))
print(json.dumps({"streamed": streamed, "whole": whole}))
