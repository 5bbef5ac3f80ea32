import type { Engine } from "./engine.ts";
import { advanceAll } from "./flow-mover.ts";
import { openElsewhere } from "./flow-reader.ts";
import { advanceFlows } from "./flows.ts";

const FLOWS = 100;
/** A failover that lost one node may have lost many, so only the first ones are named. */
const NAMED = 5;

/**
 * Finds nodes of the flows of this part that will never end, because another part has lost them, or the message of
 * their end. A failover without its last writes can leave such nodes, and their flow runs until it is cancelled.
 * @returns a sentence for each flow with such nodes
 */
export async function lostNodes(engine: Engine): Promise<string[]> {
  const lost: string[] = [];
  for (let after = ""; ; ) {
    const page = await engine.list("flowsDue", "last", after, FLOWS);
    for (const flow of page.ids) {
      const missing = await missingNodes(engine, flow);
      // A node that is on its way, or whose end is, is not lost. So all messages are delivered before a second look.
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

/** Returns the nodes that have not ended for their flow, and that neither wait nor run in their part. */
async function missingNodes(engine: Engine, flow: string): Promise<Missing[]> {
  return (await openElsewhere(engine, flow)).filter(({ record }) => !/^[pslw]/.test(record));
}

/** Delivers the messages of these parts. @returns whether none is left */
async function deliverAll(engine: Engine, missing: readonly Missing[]): Promise<boolean> {
  const parts = [...new Set(missing.map(({ part }) => part))].map((part) => engine.peers.engine(part));
  for (const part of [engine, ...parts]) await advanceAll(part);
  const left = await Promise.all([engine, ...parts].map((part) => advanceFlows(part)));
  return left.every(({ more, hasMessages }) => !more && !hasMessages);
}
