import { createInterface } from "node:readline/promises";
import type { Context } from "./context.ts";
import { UsageError } from "./exit.ts";
import { printable } from "./output.ts";

/**
 * Asks the user to confirm an action that cannot be undone, or that should not happen by accident. The user has to type
 * the name of the queue again, with `--confirm` or, on a terminal, as the answer to a question.
 * @param given the value of --confirm
 * @param what the action, such as `delete queue "q" with 3 tasks`
 * @param options.isFinal whether the question warns that the action cannot be undone
 * @throws UsageError if the user types another name
 */
export async function confirmByName(
  { io }: Context,
  queue: string,
  given: string | undefined,
  what: string,
  { isFinal = true }: { isFinal?: boolean } = {},
): Promise<void> {
  let typed = given;
  if (typed === undefined) {
    if (!io.stdin.isTTY) throw new UsageError(`this would ${what}: add --confirm ${queue} to do it`);
    const terminal = createInterface({ input: io.stdin, output: io.stderr });
    try {
      const question = `This would ${printable(what)}${isFinal ? ", for good" : ""}.\nType the name of the queue to continue: `;
      // If the input ends without an answer, the answer is empty.
      const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
      typed = (await Promise.race([terminal.question(question, { signal: io.signal }), ended])).trim();
    } finally {
      terminal.close();
    }
  }
  if (typed !== queue)
    throw new UsageError(`nothing was done: "${typed}" is not the name of the queue, "${queue}"`);
}
