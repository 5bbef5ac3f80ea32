import {
  asHoldfastError,
  type FlowCallback,
  type FlowMoment,
  type FlowNode,
  type FlowOptions,
  HoldfastError,
  LIMITS,
} from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { encodeEnvelope } from "../engine/envelope.ts";
import { advanceAll } from "../engine/flow-mover.ts";
import { readFlow } from "../engine/flow-reader.ts";
import { addToFlow, type FlowAdded, type FlowAddition, type NewNode } from "../engine/flows.ts";
import { ENVELOPE_NODE, FLAG_CONTINUE, FLAG_HOLD, FLAG_NODE } from "../engine/format.ts";
import { checkWellFormed, payloadTextOf } from "../queue/new-task.ts";
import { traceOf } from "../tracing/trace-context.ts";
import { unknownNode } from "./flow-options.ts";
import { type FlowPlaces, otherFlow, type Placed } from "./flow-places.ts";

// The most nodes, names in `after` and characters of one script call. Larger calls would block Redis for too long: with
// 500 nodes, up to one call in five took more than 5 ms (`make flow-checks CHECK=6`, AMD EPYC of family 25).
const CALL_NODES = 250;
const CALL_NAMES = 2_000;
const CALL_CHARACTERS = 262_144;
const FULL_RETRY_MS = 1_000;

const POLICY_FLAGS = { fail: "", continue: FLAG_CONTINUE, hold: FLAG_HOLD };

/** Returns the envelope of a node or callback: the text in which its task is stored. */
function envelopeOf(what: string, task: FlowCallback, now: number): string {
  const { type, payload = null, payloadText, options } = task;
  if (payloadText !== undefined) checkWellFormed(payloadText);
  const text = payloadText ?? payloadTextOf(payload);
  if (text.length * 3 > LIMITS.payloadBytes && Buffer.byteLength(text) > LIMITS.payloadBytes)
    throw new HoldfastError(
      "payload_too_large",
      `the payload of ${what} has more than ${LIMITS.payloadBytes} bytes: store it elsewhere and give the task a reference`,
    );
  return ENVELOPE_NODE + encodeEnvelope(type, now, text, options, undefined, traceOf(options)).slice(1);
}

/**
 * Returns a node as the script flow_add takes it.
 * @param part the queue or partition in which the node runs; "" for the one in which the flow is created
 * @throws HoldfastError payload_too_large, invalid_argument (its id is too long)
 */
function newNode(flow: string, node: FlowNode, part: string, now: number): NewNode {
  const { name, after = [], onDead = "fail" } = node;
  if (flow.length + 1 + name.length > 128)
    throw new HoldfastError(
      "invalid_argument",
      `the id of node "${name}" would have more than 128 characters: "${flow}.${name}"`,
    );
  return {
    name,
    envelope: envelopeOf(`node "${name}"`, node, now),
    flags: FLAG_NODE + POLICY_FLAGS[onDead],
    part,
    after: after.length > 1 ? [...new Set(after)] : after,
  };
}

/** Adds nodes to one flow, with script calls of limited size. */
export class FlowWriter {
  readonly #engine: Engine;
  readonly #places: FlowPlaces;
  readonly #id: string;
  readonly #store: <Result>(call: () => Promise<Result>) => Promise<Result>;
  /** Whether a call has stored nodes. If a later call fails, the flow is incomplete. */
  hasStored = false;
  /** Whether this writer has added nodes that run in other queues or partitions. */
  #isSpread = false;

  /** @param store runs a call, and waits until its writes have the durability of the queue */
  constructor(
    places: FlowPlaces,
    id: string,
    store: <Result>(call: () => Promise<Result>) => Promise<Result>,
  ) {
    this.#engine = places.home;
    this.#places = places;
    this.#id = id;
    this.#store = store;
  }

  /**
   * Creates the flow if it does not exist, and adds nodes.
   * @returns null if the flow was sealed (closed for new nodes) before this call
   */
  async open(
    { sealBy = 0, on = {} }: FlowOptions,
    nodes: readonly FlowNode[],
    seal: boolean,
  ): Promise<FlowAdded | null> {
    const now = this.#engine.connection.now();
    const callbacks = (Object.entries(on) as [FlowMoment, FlowCallback | undefined][]).flatMap(
      ([moment, task]): [FlowMoment, Placed][] =>
        task === undefined
          ? []
          : [[moment, { what: `the callback "${moment}"`, id: `${this.#id}:${moment}`, task }]],
    );
    const placed = callbacks.map(([, callback]) => callback);
    try {
      await this.#admit(nodes, placed);
    } catch (error) {
      // If the flow is stored already, nothing is added, so it does not matter that a queue is full.
      const there = await readFlow(this.#engine, this.#engine.queue, this.#id);
      if (there && there.flow.state !== "open") return null;
      throw error;
    }
    const texts = callbacks.flatMap(([moment, callback]) => {
      const part = this.#places.partOf(callback);
      const envelope = envelopeOf(callback.what, callback.task, now);
      return [moment, part === "" ? envelope : `>${part} ${envelope}`];
    });
    return this.#send({ how: "open", sealBy, callbacks: texts, seal }, nodes);
  }

  async add(nodes: readonly FlowNode[], seal: boolean): Promise<FlowAdded> {
    await this.#admit(nodes);
    return (await this.#send({ how: "add", sealBy: 0, callbacks: [], seal }, nodes)) as FlowAdded;
  }

  /** Adds nodes to the flow of a running node. @returns null if the flow was created in another queue or partition */
  async addBy(task: { id: string; fence: string }, nodes: readonly FlowNode[]): Promise<FlowAdded | null> {
    await this.#admit(nodes);
    return this.#send({ how: "task", sealBy: 0, callbacks: [], seal: false, task }, nodes);
  }

  #placed(node: FlowNode): Placed {
    return { what: `node "${node.name}"`, id: `${this.#id}.${node.name}`, task: node };
  }

  async #admit(nodes: readonly FlowNode[], more: readonly Placed[] = []): Promise<void> {
    const placed = (node: FlowNode) => this.#placed(node);
    function* all(): Generator<Placed> {
      for (const node of nodes) yield placed(node);
      yield* more;
    }
    await this.#places.admit(this.#id, { [Symbol.iterator]: all });
  }

  async #send(
    first: Omit<FlowAddition, "flow" | "nodes">,
    nodes: readonly FlowNode[],
  ): Promise<FlowAdded | null> {
    const calls = this.#calls(nodes);
    let added: FlowAdded | undefined;
    let letters = "";
    let next = calls.next();
    while (!next.done) {
      const { isLast, ...call } = next.value;
      const how = first.how === "open" && added ? "add" : first.how;
      const callbacks = added ? [] : first.callbacks;
      const addition = { ...first, how, callbacks, flow: this.#id, seal: first.seal && isLast, ...call };
      const stored = this.#store(() => addToFlow(this.#engine, addition));
      try {
        // The arguments of the next call are made while Redis stores these nodes.
        await new Promise(setImmediate);
        next = calls.next();
      } finally {
        added = await stored;
        this.hasStored ||= added.verdict === "n";
      }
      if (added.verdict === "d" || (added.verdict === "c" && how === "task")) return null;
      if (added.verdict !== "n") throw this.#refusal(added);
      letters += added.letters;
    }
    // Sealing may end the flow, and messages may wait. If this fails, a worker or a janitor does it later.
    if (first.seal || this.#isSpread) await advanceAll(this.#engine).catch(() => {});
    return { ...(added as FlowAdded), letters };
  }

  /** Splits the nodes into script calls. There is at least one call, even without nodes. */
  *#calls(all: readonly FlowNode[]): Generator<{ nodes: NewNode[]; isLast: boolean }> {
    const now = this.#engine.connection.now();
    let nodes: NewNode[] = [];
    let names = 0;
    let characters = 0;
    for (const node of all) {
      const part = this.#places.partOf(this.#placed(node));
      this.#isSpread ||= part !== "";
      const own = newNode(this.#id, node, part, now);
      // Each name in `after` is sent once itself, and once with the name of this node.
      const size = own.after.reduce(
        (sum, name) => sum + name.length + own.name.length,
        own.name.length + own.envelope.length,
      );
      if (
        nodes.length > 0 &&
        (nodes.length >= CALL_NODES ||
          names + own.after.length > CALL_NAMES ||
          characters + size > CALL_CHARACTERS)
      ) {
        yield { nodes, isLast: false };
        nodes = [];
        names = 0;
        characters = 0;
      }
      nodes.push(own);
      names += own.after.length;
      characters += size;
    }
    yield { nodes, isLast: true };
  }

  #refusal({ verdict, letters, missing }: FlowAdded): HoldfastError {
    const flow = `flow "${this.#id}"`;
    switch (verdict) {
      case "m":
        return unknownNode(letters, missing);
      case "f":
        return new HoldfastError(
          "queue_full",
          `queue "${this.#engine.queue}" has as many waiting tasks as it may have: try again later`,
          { retryAfterMs: FULL_RETRY_MS },
        );
      case "l":
        return new HoldfastError("invalid_argument", `${flow} would have more than 1,000,000 nodes`);
      case "c":
        return otherFlow(this.#engine.queue, this.#id);
      case "u":
        return new HoldfastError("not_found", `there is no ${flow}`);
      case "x":
        return new HoldfastError("conflict", `${flow} was cancelled`);
      case "t":
        return new HoldfastError(
          "conflict",
          `${flow}: the lease of the node is lost, so another attempt may run`,
        );
      case "w":
        return new HoldfastError(
          "conflict",
          `${flow}: a running node may add nodes if at most 20 nodes are behind it, and if each of these then waits for at most 10,000`,
        );
      case "e":
        return new HoldfastError("conflict", `${flow} has ended`);
      default:
        return new HoldfastError("conflict", `${flow} is sealed`);
    }
  }
}

/** Runs `store`. If it fails, cancels the flow, which would otherwise stay incomplete until its `sealBy`. */
export async function withCancel<Result>(
  store: () => Promise<Result>,
  cancel: () => Promise<unknown>,
): Promise<Result> {
  try {
    return await store();
  } catch (error) {
    await cancel().catch(() => {});
    throw asHoldfastError(error);
  }
}
