"""What openai-python makes of each stream: one line of JSON for each of `count` models."""

import json
import sys

import openai

url, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0, timeout=4)
    seen = {"text": "", "refusal": "", "tools": "", "finish": None, "error": None, "message": None}
    try:
        stream = client.chat.completions.create(
            model=str(number), stream=True, messages=[{"role": "user", "content": "?"}]
        )
        for chunk in stream:
            choices = getattr(chunk, "choices", None)
            if not choices:
                continue
            delta = choices[0].delta
            seen["text"] += delta.content or ""
            seen["refusal"] += delta.refusal or ""
            for call in delta.tool_calls or []:
                seen["tools"] += call.function.arguments or ""
            seen["finish"] = choices[0].finish_reason or seen["finish"]
    except Exception as error:
        name = type(error).__name__
        # Its patience ended: in a test that is 4 s and not ten minutes.
        seen["error"] = "stall" if name in ("APITimeoutError", "ReadTimeout") else name
        seen["message"] = error.message if name == "APIError" else None
    print(json.dumps(seen), flush=True)
