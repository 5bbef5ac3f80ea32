// Sends a PING every millisecond, to measure how quickly Redis serves other clients.

import { connect } from "node:net";
import { setPriority } from "node:os";
import { options, tell } from "./tell.mjs";

try {
  // This process gets a high priority. If it had to wait for a processor, Redis would look slow.
  setPriority(-10);
} catch {}
const socket = connect(options.port, "127.0.0.1").setNoDelay(true);
let sentAt = 0;
const ping = () => {
  sentAt = performance.now();
  socket.write("PING\r\n");
};
socket.on("connect", () => {
  tell("process", "invoke", { what: "ready" });
  ping();
});
socket.on("data", () => {
  tell("ping", "ok", { tookMs: Math.round((performance.now() - sentAt) * 100) / 100 });
  setTimeout(ping, 1);
});
process.on("SIGTERM", () => process.exit(0));
