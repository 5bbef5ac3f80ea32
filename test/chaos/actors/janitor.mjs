// Runs a janitor of the library in a separate process.
import { setTimeout as sleep } from "node:timers/promises";
import { Janitor } from "holdfast";
import { options, tell } from "./tell.mjs";

// Every actor gets the option `queue`. A janitor sweeps all queues and does not accept this option.
const { queue: _, ...settings } = options;
const janitor = new Janitor(settings);
janitor.on("swept", (swept) => tell("sweep", "ok", swept));
janitor.on("audited", ({ violations, repaired }) => tell("audit", "ok", { violations, repaired }));
janitor.on("error", (error) => tell("error", "info", { code: error.code, message: error.message }));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await janitor.stop({ graceMs: 1_000 });
    tell("process", "ok", { what: "stopped" });
    process.exit(0);
  });
}
for (;;) {
  try {
    await janitor.start();
    break;
  } catch (error) {
    tell("error", "info", { code: error.code, message: error.message });
    await sleep(100);
  }
}
tell("process", "invoke", { what: "ready" });
