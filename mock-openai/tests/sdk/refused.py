"""Asks for a model that is not there, streamed and whole."""
import json

import openai
from client import API, ASK, client


def refusal(stream):
    try:
        if API == "chat":
            client.chat.completions.create(model="no-such-model", messages=ASK, stream=stream)
        else:
            client.responses.create(model="no-such-model", input="Say something.", stream=stream)
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "request_id": (error.request_id or "").startswith("req_"),
        }
    return {"class": None}


print(json.dumps({"streamed": refusal(True), "whole": refusal(False)}))
