import type { Engine } from "./engine.ts";
import { advanceAll } from "./flow-mover.ts";
import { openElsewhere } from "./flow-reader.ts";
import { advanceFlows } from "./flows.ts";

const FLOWS = 100;
/** Only the first lost nodes are named, because a failover may have lost very many. */
const NAMED = 5;

/**
 * Finds nodes that will never end, because the queue or partition to which they were sent has lost them in a failover.
 * Their flow then runs until it is cancelled.
 * @returns a sentence for each flow with such nodes
 */
export async function lostNodes(engine: Engine): Promise<string[]> {
  const lost: string[] = [];
  for (let after = ""; ; ) {
    const page = await engine.list("flowsDue", "last", after, FLOWS);
    for (const flow of page.ids) {
      const missing = await missingNodes(engine, flow);
      // A node may only seem lost while a message about it is under way, so messages are delivered before a new check.
      if (missing.length === 0 || !(await deliverAll(engine, missing))) continue;
      const names = (await missingNodes(engine, flow)).map(({ name }) => name);
      if (names.length > 0) lost.push(sentence(flow, names));
    }
    after = page.cursor;
    if (after === "") return lost;
  }
}

function sentence(flow: string, names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const first = names.slice(0, NAMED).join(", ");
  return `flow ${flow} waits for nodes that another queue has lost, or for their ends: ${first}${more}. Cancel the flow`;
}

interface Missing {
  part: string;
  name: string;
}

/** Returns the open nodes that neither wait nor run in the queue or partition to which they were sent. */
async function missingNodes(engine: Engine, flow: string): Promise<Missing[]> {
  return (await openElsewhere(engine, flow)).filter(({ record }) => !/^[pslw]/.test(record));
}

/** Delivers all messages of these queues and partitions. @returns whether none is left */
async function deliverAll(engine: Engine, missing: readonly Missing[]): Promise<boolean> {
  const parts = [...new Set(missing.map(({ part }) => part))].map((part) => engine.peers.engine(part));
  for (const part of [engine, ...parts]) await advanceAll(part);
  const left = await Promise.all([engine, ...parts].map((part) => advanceFlows(part)));
  return left.every(({ more, hasMessages }) => !more && !hasMessages);
}
