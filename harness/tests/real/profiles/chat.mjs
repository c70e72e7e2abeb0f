// What openai-node makes of each stream: one line of JSON for each of `count` models.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [url, count, installed] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${installed}/`));
const { default: OpenAI } = await import(pathToFileURL(require.resolve('openai')));

for (let number = 0; number < Number(count); number++) {
  const client = new OpenAI({ baseURL: url, apiKey: 'k', maxRetries: 0, logLevel: 'off' });
  const seen = { text: '', refusal: '', tools: '', finish: null, error: null, message: null };
  const read = async () => {
    const stream = await client.chat.completions.create({
      model: String(number),
      stream: true,
      messages: [{ role: 'user', content: '?' }],
    });
    for await (const chunk of stream) {
      const choice = chunk?.choices?.[0];
      if (!choice) continue;
      seen.text += choice.delta?.content ?? '';
      seen.refusal += choice.delta?.refusal ?? '';
      for (const call of choice.delta?.tool_calls ?? []) seen.tools += call.function?.arguments ?? '';
      seen.finish = choice.finish_reason ?? seen.finish;
    }
  };
  // The SDK's own time-out ends with the head of the answer.
  const stall = new Promise((resolve) => setTimeout(resolve, 4000, 'stall').unref());
  try {
    if ((await Promise.race([read(), stall])) === 'stall') seen.error = 'stall';
  } catch (error) {
    seen.error = error.constructor.name;
    seen.message = seen.error === 'APIError' ? (error.error?.message ?? null) : null;
  }
  console.log(JSON.stringify(seen));
}
process.exit(0);
