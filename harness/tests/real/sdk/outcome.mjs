// Tells how a question ends, streamed and whole; more arguments: model and retries.
import { api, ask, client, OpenAI } from "../../../../mock-openai/tests/sdk/client.mjs";

const [model, maxRetries] = process.argv.slice(6);
const asked = client.withOptions({ maxRetries: Number(maxRetries) });

const question = (stream) =>
  api === "chat"
    ? asked.chat.completions.create({ model, messages: ask, stream })
    : asked.responses.create({ model, input: "Say something.", stream });

const textOf = (part) => {
  if (api === "chat") return part.choices.map(({ delta }) => delta.content ?? "").join("");
  return part.type === "response.output_text.delta" ? part.delta : "";
};

const outcome = async (stream) => {
  const got = { text: "", error: null };
  try {
    const answer = await question(stream);
    if (stream) for await (const part of answer) got.text += textOf(part);
    else got.text = api === "chat" ? answer.choices[0].message.content : answer.output_text;
  } catch (error) {
    got.error = { class: error.constructor.name };
    if (error instanceof OpenAI.APIError) {
      got.error.status = error.status ?? null;
      got.error.code = error.code ?? null;
      got.error.retry_after = error.headers?.get("retry-after") ?? null;
    }
  }
  return got;
};
console.log(JSON.stringify({ streamed: await outcome(true), whole: await outcome(false) }));
