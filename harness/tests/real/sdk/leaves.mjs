// Reads the first part of a stream, leaves it, and stays until its standard input ends.
import { api, ask, client } from "../../../../mock-openai/tests/sdk/client.mjs";

const stream =
  api === "chat"
    ? await client.chat.completions.create({ model: "gpt-4o", messages: ask, stream: true })
    : await client.responses.create({ model: "gpt-4o", input: "Say something.", stream: true });
for await (const _ of stream) break;
console.log(JSON.stringify({ left: true }));
for await (const _ of process.stdin);
