// Starts one child, whose handler never ends. A test kills this process and checks that the child ends too.
import { isolated } from "../../dist/index.js";

const { handlers } = await isolated(new URL("./handlers.mjs", import.meta.url));
const payloadText = JSON.stringify({ file: process.argv[2] });
const task = {
  id: "t",
  type: "spin",
  queue: "q",
  payloadText,
  attempt: 1,
  enqueuedAt: 0,
  tags: [],
  schedule: null,
};
await handlers.spin(task, { signal: new AbortController().signal, token: "1-x" });
