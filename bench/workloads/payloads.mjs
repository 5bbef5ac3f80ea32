// Runs tasks with payloads of 100 B, 1 KiB and 16 KiB in a fresh process.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "payloads";
export const rounds = (quick) => (quick ? 1 : 2);
const SIZES = [
  ["100 B", 100, 5_000],
  ["1 KiB", 1_024, 5_000],
  ["16 KiB", 16_384, 1_000],
];

export async function round(ctx) {
  const records = [];
  for (const [label, payloadBytes, full] of SIZES) {
    const count = ctx.quick ? full / 2 : full;
    records.push(
      ...(await runTasks(ctx, {
        workload: name,
        systems: [...ENGINES, ...FLOORS],
        payloadBytes,
        phases: [
          { do: "bulk", count, as: `ingest, ${label}` },
          { do: "work", count, concurrency: 50, as: `process at 50, ${label}` },
        ],
      })),
    );
  }
  return records;
}
