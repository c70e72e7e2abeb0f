// What the AI SDK makes of each stream: one line of JSON for each of `count` models.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [url, count, installed] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${installed}/`));
const { streamText } = await import(pathToFileURL(require.resolve('ai')));
const { createOpenAI } = await import(pathToFileURL(require.resolve('@ai-sdk/openai')));

const provider = createOpenAI({ baseURL: url, apiKey: 'k' });
for (let number = 0; number < Number(count); number++) {
  const seen = { text: '', refusal: '', tools: '', finish: null, error: null, message: null };
  const failed = (error) => {
    if (seen.error) return;
    seen.error = error?.name ?? 'error part';
    const own = ['error part', 'AI_APICallError'].includes(seen.error);
    seen.message = own ? (error?.message ?? null) : null;
  };
  const read = async () => {
    const result = streamText({
      model: provider.chat(String(number)),
      prompt: '?',
      maxRetries: 0,
      onError: () => {},
    });
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') seen.text += part.text;
      else if (part.type === 'tool-input-delta') seen.tools += part.delta;
      else if (part.type === 'error') failed(part.error);
      else if (part.type === 'finish') seen.finish = part.finishReason;
    }
    if (['other', 'error', 'unknown'].includes(seen.finish)) seen.finish = null;
  };
  const stall = new Promise((resolve) => setTimeout(resolve, 4000, 'stall').unref());
  try {
    if ((await Promise.race([read(), stall])) === 'stall') seen.error ??= 'stall';
  } catch (error) {
    failed(error);
  }
  console.log(JSON.stringify(seen));
}
process.exit(0);
