import { DURABILITIES, type Durability, type QueueSettings, type QueueStats } from "@holdfast/contracts";
import { decodeWord } from "./text.ts";

const DEFAULT_SETTINGS: QueueSettings = {
  maxWaiting: 0,
  retentionMs: 86_400_000,
  retentionCount: 10_000,
  idempotencyMs: 3_600_000,
  durability: "memory",
  maxDead: 0,
  maxDeadAgeMs: 0,
  maxEvents: 0,
};

/** Parses the field #settings (lua/lib/queue.lua), which #dead_caps may follow after a line feed. "": the defaults. */
export function settingsText(
  text: string,
): { settings: QueueSettings } & Pick<QueueStats, "paused" | "pauseReason" | "pausedAt" | "pausedBy"> {
  const [own = "", deadCaps = "0 0"] = text.split("\n");
  const [maxDead, maxDeadAgeMs] = deadCaps.split(" ").map(Number);
  const caps = { maxDead: maxDead ?? 0, maxDeadAgeMs: maxDeadAgeMs ?? 0 };
  const match = /^\d+ (\d) (\d+) (\d+) (\d+) (\d+) (\S*) ?(.*)$/.exec(own);
  if (!match)
    return { settings: DEFAULT_SETTINGS, paused: false, pauseReason: null, pausedAt: null, pausedBy: null };
  const [, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, pause = "", tail = ""] = match;
  const [durability, maxEvents = 0] = tail.split(" ");
  // Earlier versions stored only the reason.
  const [reason = "", at = "", by = ""] = pause.split(",");
  return {
    settings: {
      maxWaiting: Number(maxWaiting),
      retentionMs: Number(retentionMs),
      retentionCount: Number(retentionCount),
      idempotencyMs: Number(idempotencyMs),
      durability: DURABILITIES.includes(durability as Durability) ? (durability as Durability) : "memory",
      ...caps,
      maxEvents: Number(maxEvents),
    },
    paused: paused === "1",
    pauseReason: reason === "" ? null : decodeWord(reason),
    pausedAt: at === "" ? null : Number(at),
    pausedBy: by === "" ? null : decodeWord(by),
  };
}
