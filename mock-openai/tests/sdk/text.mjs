// Asks for a text, streamed and whole.
import { api, ask, client } from "./client.mjs";

let text = "";
let deltas = 0;
let streamed, whole;
if (api === "chat") {
  let finish = null;
  let total = 0;
  const stream = await client.chat.completions.create({
    model: "gpt-4o",
    messages: ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    total = chunk.usage?.total_tokens ?? total;
    for (const choice of chunk.choices) {
      if (choice.delta.content) {
        text += choice.delta.content;
        deltas += 1;
      }
      finish = choice.finish_reason ?? finish;
    }
  }
  streamed = { text, finish, deltas: deltas > 1, usage: total > 0 };
  const answer = await client.chat.completions.create({ model: "gpt-4o", messages: ask });
  const [choice] = answer.choices;
  whole = {
    text: choice.message.content,
    finish: choice.finish_reason,
    usage: answer.usage.total_tokens > 0,
  };
} else {
  const question = { model: "gpt-4o", input: "Say something." };
  let last;
  for await (const event of await client.responses.create({ ...question, stream: true })) {
    if (event.type === "response.output_text.delta") {
      text += event.delta;
      deltas += 1;
    }
    last = event;
  }
  const said = last.response.output.flatMap((item) => item.content ?? []).map((part) => part.text);
  streamed = {
    text,
    finish: last.type,
    deltas: deltas > 1,
    usage: last.response.usage.total_tokens > 0,
    same: said.join("") === text,
  };
  const answer = await client.responses.create(question);
  whole = {
    text: answer.output_text,
    finish: answer.status,
    usage: answer.usage.total_tokens > 0,
  };
}
console.log(JSON.stringify({ streamed, whole }));
