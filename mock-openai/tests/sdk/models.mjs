// Lists the models.
import { client } from "./client.mjs";

const models = [];
for await (const model of client.models.list()) models.push(model);
console.log(JSON.stringify({ ids: models.map(({ id }) => id), object: models[0].object }));
