"""Tells how a question ends, streamed and whole; more arguments: model and retries."""
import json
import sys

import openai
from client import API, ASK, client

MODEL, RETRIES = sys.argv[5], int(sys.argv[6])
client = client.with_options(max_retries=RETRIES)


def ask(stream):
    if API == "chat":
        return client.chat.completions.create(model=MODEL, messages=ASK, stream=stream)
    return client.responses.create(model=MODEL, input="Say something.", stream=stream)


def texts(answer):
    for part in answer:
        if API == "chat":
            yield from (choice.delta.content or "" for choice in part.choices)
        elif part.type == "response.output_text.delta":
            yield part.delta
        elif part.type == "error":
            # The SDK hands it on as an event like any other.
            yield f"[{part.code}]"


def outcome(stream):
    got = {"text": "", "error": None}
    try:
        answer = ask(stream)
        if stream:
            for text in texts(answer):
                got["text"] += text
        else:
            got["text"] = (
                answer.choices[0].message.content if API == "chat" else answer.output_text
            )
    except openai.APIError as error:
        response = getattr(error, "response", None)
        got["error"] = {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "retry_after": response.headers.get("retry-after") if response else None,
        }
    except Exception as error:
        got["error"] = {"class": f"{type(error).__module__}.{type(error).__name__}"}
    return got


print(json.dumps({"streamed": outcome(True), "whole": outcome(False)}))
