// Reads the first parts of a stream, tells so, and after a line on its input reads on.
//
// The SDK cannot resume by itself: the name of the stream is read from its response, events are
// counted, and the same question is asked again with a header more. One more argument: how many
// parts are read first.
import { createInterface } from "node:readline/promises";

import { api, ask, client, OpenAI } from "../../../../mock-openai/tests/sdk/client.mjs";

const first = Number(process.argv[6]);

const question = (headers) =>
  api === "chat"
    ? client.chat.completions.create({ model: "gpt-4o", messages: ask, stream: true }, { headers })
    : client.responses.create({ model: "gpt-4o", input: "Say something.", stream: true }, { headers });

const partOf = (event) => {
  if (api === "chat") return event.choices.map(({ delta }) => delta.content ?? "").join("");
  return `${event.type} ${event.delta ?? ""}`;
};

const { data: stream, response } = await question({}).withResponse();
const name = response.headers.get("x-stream-id");
const parts = [];
for await (const event of stream) {
  parts.push(partOf(event));
  if (parts.length === first) break;
}
console.log(JSON.stringify({ stream: name }));
const input = createInterface({ input: process.stdin });
await input[Symbol.asyncIterator]().next();
input.close();

let error = null;
try {
  for await (const event of await question({ "Last-Event-ID": `${name}-${parts.length}` })) {
    parts.push(partOf(event));
  }
} catch (wrong) {
  if (!(wrong instanceof OpenAI.APIError)) throw wrong;
  error = wrong.code ?? null;
}
console.log(JSON.stringify({ parts, error }));
