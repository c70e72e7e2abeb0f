"""Reads the first part of a stream, closes it, and stays until its standard input ends."""
import json
import sys

from client import API, ASK, client

if API == "chat":
    stream = client.chat.completions.create(model="gpt-4o", messages=ASK, stream=True)
else:
    stream = client.responses.create(model="gpt-4o", input="Say something.", stream=True)
next(iter(stream))
stream.close()
print(json.dumps({"left": True}), flush=True)
sys.stdin.read()
