import type { Connection } from "../redis/connection.ts";
import { confirmedBy, type WaitCommand } from "../redis/durability.ts";
import { confirmScript } from "../redis/generated/confirm.ts";
import type { Engine } from "./engine.ts";

/**
 * Checks that tasks are still there, and waits until all writes so far are confirmed. The check itself is a write.
 * @param connection used by nothing else, because the wait blocks it
 * @returns a letter per task, y known, n gone; and how many replicas or disks confirmed
 */
export async function confirmTasks(
  engine: Engine,
  connection: Connection,
  ids: readonly string[],
  command: WaitCommand,
): Promise<{ known: string; confirmed: number }> {
  const argv = confirmScript.argv(engine.keys, { marker: String(engine.connection.now()), tail: ids });
  const then = command ? [command as [string, ...number[]]] : [];
  for (const [name, code] of [
    ["EVALSHA", confirmScript.sha1],
    ["EVAL", confirmScript.source],
  ] as const) {
    const [known, answer] = await connection.together([
      [name, code, confirmScript.keyCount, ...argv],
      ...then,
    ]);
    if (known instanceof Error && name === "EVALSHA" && known.message.startsWith("NOSCRIPT")) continue;
    if (known instanceof Error) throw known;
    if (answer instanceof Error) throw answer;
    return { known: String(known), confirmed: command ? confirmedBy(command, answer) : 0 };
  }
  throw new Error("Redis knows no script");
}
