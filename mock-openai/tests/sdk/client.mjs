// A client for the address that stands first on the command line, with the SDK that lies below the
// folder that stands last.
import { createRequire } from "node:module";

export const [url, api, key, sdk] = process.argv.slice(2);
const require = createRequire(`${sdk}/`);
export const OpenAI = require("openai");
export const client = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 20_000 });
export const ask = [{ role: "user", content: "Say something." }];
