// Offers a tool and has the SDK's own helpers read the call's arguments.
import { api, ask, client } from "./client.mjs";

const tool = {
  name: "weather",
  parameters: {
    type: "object",
    properties: {
      city: { type: "string" },
      days: { type: "array", items: { type: "integer" } },
    },
    required: ["city", "days"],
    additionalProperties: false,
  },
  strict: true,
};

let fragments = 0;
let streamed, whole;
if (api === "chat") {
  const question = {
    model: "gpt-4o",
    messages: ask,
    tools: [{ type: "function", function: tool }],
  };
  const told = ({ choices: [{ message, finish_reason }] }) => {
    const [call] = message.tool_calls;
    return {
      name: call.function.name,
      arguments: call.function.parsed_arguments,
      id: call.id.startsWith("call_"),
      finish: finish_reason,
    };
  };
  const stream = client.chat.completions.stream(question);
  stream.on("tool_calls.function.arguments.delta", () => (fragments += 1));
  streamed = told(await stream.finalChatCompletion());
  whole = told(await client.chat.completions.parse(question));
} else {
  const question = {
    model: "gpt-4o",
    input: "Say something.",
    tools: [{ type: "function", ...tool }],
  };
  const told = ({ output, status }) => {
    const call = output.find((item) => item.type === "function_call");
    return {
      name: call.name,
      arguments: call.parsed_arguments,
      id: call.call_id.startsWith("call_"),
      finish: status,
    };
  };
  const stream = client.responses.stream(question);
  stream.on("response.function_call_arguments.delta", () => (fragments += 1));
  streamed = told(await stream.finalResponse());
  whole = told(await client.responses.parse(question));
}
streamed.fragments = fragments > 1;
console.log(JSON.stringify({ streamed, whole }));
