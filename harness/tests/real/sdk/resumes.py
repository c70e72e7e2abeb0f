"""Reads the first parts of a stream, tells so, and after a line on its input reads on.

The SDK cannot resume by itself: the name of the stream is read from its response, events are
counted, and the same question is asked again with a header more. One more argument: how many parts
are read first.
"""
import json
import sys

import openai
from client import API, ASK, client

FIRST = int(sys.argv[5])


def ask(headers):
    if API == "chat":
        return client.chat.completions.create(
            model="gpt-4o", messages=ASK, stream=True, extra_headers=headers
        )
    return client.responses.create(
        model="gpt-4o", input="Say something.", stream=True, extra_headers=headers
    )


def part(event):
    if API == "chat":
        return "".join(choice.delta.content or "" for choice in event.choices)
    return f"{event.type} {getattr(event, 'delta', '')}"


stream = ask({})
name = stream.response.headers["x-stream-id"]
parts = []
for event in stream:
    parts.append(part(event))
    if len(parts) == FIRST:
        break
print(json.dumps({"stream": name}), flush=True)
sys.stdin.readline()

error = None
try:
    for event in ask({"Last-Event-ID": f"{name}-{len(parts)}"}):
        if event_code := getattr(event, "code", None):
            # The SDK hands an error event of Responses on as any other.
            error = event_code
        else:
            parts.append(part(event))
except openai.APIError as wrong:
    error = error or wrong.code
print(json.dumps({"parts": parts, "error": error}), flush=True)
