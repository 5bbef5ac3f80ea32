import { advanceAll } from "../../src/engine/flow-mover.ts";
import { readFlow } from "../../src/engine/flow-reader.ts";
import { addFlow, type FlowOptionsOfTest, flowStates, type NodeText } from "./flow.ts";
import { type Mutate, setup } from "./setup.ts";
import type { TestQueue } from "./test-queue.ts";

/** Two queues of one test. Flows are created in `home`, and the clocks of both move together. */
export interface TwoParts {
  home: TestQueue;
  away: TestQueue;
}

export async function setupTwo(options: { mutate?: Mutate } = {}): Promise<TwoParts> {
  const [home, away] = [await setup(options), await setup(options)];
  home.knows(away);
  // A queue can receive nodes only if it is registered.
  await home.engine.open();
  await away.engine.open();
  return { home, away };
}

/** Adds a flow like `addFlow`. The nodes in `there`, and these callbacks, go to the queue `away`. */
export function addSpread(
  { home, away }: TwoParts,
  texts: readonly NodeText[],
  there: readonly string[],
  options: FlowOptionsOfTest = {},
) {
  return addFlow(home, texts, { ...options, there, part: away.name });
}

/** Counts all ends of nodes, and delivers all messages between the two queues. */
export async function settleAll({ home, away }: TwoParts): Promise<void> {
  await advanceAll(home.engine);
  await advanceAll(away.engine);
}

/**
 * Runs all tasks of both queues until none is left. @param ends how the node with this name ends; all other nodes
 * complete
 */
export async function runBoth(
  parts: TwoParts,
  ends: Record<string, "fatal" | "ack"> = {},
): Promise<string[]> {
  const ran: string[] = [];
  for (;;) {
    await settleAll(parts);
    let granted = 0;
    for (const q of [parts.home, parts.away]) {
      const { grants } = await q.acquire(500);
      granted += grants.length;
      for (const grant of grants) {
        const name = grant.id.replace(/^f[.:]/, "");
        ran.push(`${name} ${q === parts.home ? "home" : "away"}`);
        if (ends[name] === "fatal") await q.fatal(grant);
        else await q.ack(grant, JSON.stringify(grant.id));
      }
    }
    if (granted === 0) return ran;
  }
}

/** Returns the state of the flow, its outcome, and the states of its nodes. */
export async function seen({ home }: TwoParts, id = "f"): Promise<string> {
  const found = await readFlow(home.engine, home.name, id);
  return `${found?.flow.state} ${found?.flow.outcome}: ${await flowStates(home, id)}`;
}
