// Asks for a model that is not there, streamed and whole.
import { api, ask, client, OpenAI } from "./client.mjs";

const refusal = async (stream) => {
  try {
    if (api === "chat") {
      await client.chat.completions.create({ model: "no-such-model", messages: ask, stream });
    } else {
      await client.responses.create({ model: "no-such-model", input: "Say something.", stream });
    }
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return {
      class: error.constructor.name,
      status: error.status,
      code: error.code,
      type: error.type,
      request_id: (error.requestID ?? "").startsWith("req_"),
    };
  }
  return { class: null };
};
console.log(JSON.stringify({ streamed: await refusal(true), whole: await refusal(false) }));
