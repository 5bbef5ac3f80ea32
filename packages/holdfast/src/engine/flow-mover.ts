import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { advanceFlows } from "./flows.ts";

// The most messages of one call, and about the most bytes of payloads. More would block Redis for too long.
const CALL_MESSAGES = 200;
const CALL_BYTES = 262_144;
/** The most calls of flow_advance for one queue or partition. A janitor makes the rest of them in its next sweep. */
const CALLS = 1_000;

/**
 * Counts the ended nodes of a queue or partition, and delivers its messages to other queues and partitions; then does
 * the same for those that got messages. Any process may call this at any time, because a message that arrives twice
 * changes nothing.
 * @throws HoldfastError the first error of a delivery, after all other deliveries
 */
export async function advanceAll(engine: Engine, calls = CALLS): Promise<void> {
  const todo = [engine];
  let failure: unknown;
  for (let part = todo.shift(); part; part = todo.shift()) {
    let waits = false;
    for (let call = 0; call < calls; call++) {
      const { more, hasMessages } = await advanceFlows(part);
      waits = hasMessages;
      if (!more) break;
    }
    if (!waits) continue;
    const reached = await deliver(part, (error) => {
      failure ??= error;
    });
    for (const other of reached) if (!todo.includes(other)) todo.push(other);
  }
  if (failure !== undefined) throw failure;
}

/**
 * Delivers the messages of a queue or partition.
 * @returns the queues and partitions that now have nodes to count or messages to deliver
 */
async function deliver(engine: Engine, onError: (error: unknown) => void): Promise<Set<Engine>> {
  const reached = new Set<Engine>();
  let last = "";
  for (let place = 1; ; ) {
    const batch = await messagesOf(engine, place);
    if (batch === null) return reached;
    const { part, upTo, stamp, texts } = batch;
    // If there are no messages, or the same ones as before, another process is delivering them, or they cannot be
    // removed now. So the next receiver is tried.
    if (texts.length === 0 || last === `${part} ${stamp}`) {
      place++;
      continue;
    }
    last = `${part} ${stamp}`;
    try {
      const target = engine.peers.engine(part);
      const isBusy = await receive(target, engine.queue, texts);
      if (isBusy) reached.add(target);
      const isLost = isBusy === null;
      if (await sent(engine, { part, upTo, stamp, lost: isLost ? 1 : 0 })) reached.add(engine);
    } catch (error) {
      onError(error);
      place++;
    }
  }
}

interface Batch {
  part: string;
  upTo: number;
  stamp: string;
  /** Two texts per message: the message and the envelope of its node. */
  texts: string[];
}

/** Reads messages for one receiver. @param place which receiver, counted from 1 */
async function messagesOf(engine: Engine, place: number): Promise<Batch | null> {
  const [part, upTo = 0, ...texts] = await engine.connection.script<
    scripts.FlowOutboxArgs,
    [part?: string, upTo?: number, ...texts: string[]]
  >(scripts.flowOutboxScript, engine.keys, { place, limit: CALL_MESSAGES, bytes: CALL_BYTES });
  if (part === undefined) return null;
  const [stamp = ""] = (texts.at(-2) ?? "").split(" ");
  return { part, upTo, stamp, texts };
}

/**
 * Hands messages to their receiver.
 * @returns whether the receiver now has nodes to count or messages to deliver; null if it does not exist any more
 */
async function receive(target: Engine, source: string, texts: readonly string[]): Promise<boolean | null> {
  for (;;) {
    const [verdict, isBusy] = await target.connection.script<scripts.FlowReceiveArgs, [string, number]>(
      scripts.flowReceiveScript,
      target.keys,
      { clockMs: target.clockMs(), source, tail: texts },
    );
    if (verdict === "n") return isBusy === 1;
    if (!(await target.peers.exists(target.queue))) return null;
    await target.open();
  }
}

/** Removes delivered messages from their sender. @returns whether the sender has more nodes or messages to handle */
async function sent(engine: Engine, args: scripts.FlowSentArgs): Promise<boolean> {
  const [, isBusy] = await engine.connection.script<scripts.FlowSentArgs, [number, number]>(
    scripts.flowSentScript,
    engine.keys,
    args,
  );
  return isBusy === 1;
}

export type FlowCancelled = "cancelled" | "too_late" | "not_found";

/** Cancels a flow, and tells the other queues and partitions with its nodes, later if they are unreachable. */
export async function cancelFlow(engine: Engine, flow: string): Promise<FlowCancelled> {
  const outcome = await endFlow(engine, { flow, forget: 0 });
  if (outcome !== "elsewhere") return outcome;
  await advanceAll(engine).catch(() => {});
  return "cancelled";
}

/** Forgets a flow whatever its nodes are doing, because its queue is about to be deleted. */
export async function forgetFlow(engine: Engine, flow: string): Promise<FlowCancelled> {
  return (await endFlow(engine, { flow, forget: 1 })) as FlowCancelled;
}

function endFlow(engine: Engine, args: scripts.FlowCancelArgs): Promise<FlowCancelled | "elsewhere"> {
  return engine.connection.script(scripts.flowCancelScript, engine.keys, args);
}
