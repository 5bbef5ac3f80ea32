import { DURABILITIES, type Durability, type QueueSettings } from "@holdfast/contracts";

const DEFAULT_SETTINGS: QueueSettings = {
  maxWaiting: 0,
  retentionMs: 86_400_000,
  retentionCount: 10_000,
  idempotencyMs: 3_600_000,
  durability: "memory",
};

/** Reads the field #settings of a queue: lua/lib/settings.lua. "" is a queue with the defaults. */
export function settingsText(text: string): {
  settings: QueueSettings;
  paused: boolean;
  pauseReason: string | null;
} {
  const match = /^\d+ (\d) (\d+) (\d+) (\d+) (\d+) (\S*) ?(.*)$/.exec(text);
  if (!match) return { settings: DEFAULT_SETTINGS, paused: false, pauseReason: null };
  const [, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason = "", durability] = match;
  return {
    settings: {
      maxWaiting: Number(maxWaiting),
      retentionMs: Number(retentionMs),
      retentionCount: Number(retentionCount),
      idempotencyMs: Number(idempotencyMs),
      durability: DURABILITIES.includes(durability as Durability) ? (durability as Durability) : "memory",
    },
    paused: paused === "1",
    pauseReason: reason === "" ? null : decodeURIComponent(reason),
  };
}
