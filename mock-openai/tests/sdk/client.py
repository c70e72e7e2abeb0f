"""A client for the address that stands first on the command line."""
import sys

import openai

URL, API, KEY = sys.argv[1], sys.argv[2], sys.argv[3]
client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=20)
ASK = [{"role": "user", "content": "Say something."}]
