// Replays every dead letter of a queue once.
import { Observer } from "holdfast";
import { options, tell } from "./tell.mjs";

const observer = new Observer({ redis: options.redis });
tell("process", "invoke", { what: "ready" });
tell("replay", "invoke");
const counts = await observer.replayAll(options.queue);
tell("replay", "ok", counts);
await observer.close();
process.exit(0);
