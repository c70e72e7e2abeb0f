"""Asks for a text, streamed and whole."""
import json

from client import API, ASK, client

if API == "chat":
    text, deltas, finish, total = "", 0, None, 0
    for chunk in client.chat.completions.create(
        model="gpt-4o", messages=ASK, stream=True, stream_options={"include_usage": True}
    ):
        if chunk.usage:
            total = chunk.usage.total_tokens
        for choice in chunk.choices:
            if choice.delta.content:
                text, deltas = text + choice.delta.content, deltas + 1
            finish = choice.finish_reason or finish
    streamed = {"text": text, "finish": finish, "deltas": deltas > 1, "usage": total > 0}
    answer = client.chat.completions.create(model="gpt-4o", messages=ASK)
    whole = {
        "text": answer.choices[0].message.content,
        "finish": answer.choices[0].finish_reason,
        "usage": answer.usage.total_tokens > 0,
    }
else:
    text, deltas, last = "", 0, None
    for event in client.responses.create(model="gpt-4o", input="Say something.", stream=True):
        if event.type == "response.output_text.delta":
            text, deltas = text + event.delta, deltas + 1
        last = event
    streamed = {
        "text": text,
        "finish": last.type,
        "deltas": deltas > 1,
        "usage": last.response.usage.total_tokens > 0,
        "same": last.response.output_text == text,
    }
    answer = client.responses.create(model="gpt-4o", input="Say something.")
    whole = {
        "text": answer.output_text,
        "finish": answer.status,
        "usage": answer.usage.total_tokens > 0,
    }
print(json.dumps({"streamed": streamed, "whole": whole}))
