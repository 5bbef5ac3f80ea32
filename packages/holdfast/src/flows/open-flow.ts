import type { FlowDefinition, FlowNode, FlowOptions, FlowReceipt } from "@holdfast/contracts";
import { cancelFlow, type FlowCancelled } from "../engine/flow-mover.ts";
import { checkShape } from "../options/shape.ts";
import { mintId } from "../queue/mint-ids.ts";
import type { QueueParts } from "../queue/queue-parts.ts";
import { checkNodes, flowShape, inOrder, openFlowShape } from "./flow-options.ts";
import { FlowPlaces } from "./flow-places.ts";
import { FlowWriter, withCancel } from "./flow-writer.ts";

/** The outcome of a call that adds nodes to a flow. */
export interface NodesAdded {
  /** How many nodes the flow did not have before. */
  added: number;
  /** How many nodes the flow had already. They were left as they were. */
  known: number;
}

/** See `Queue.flow`. */
export async function storeFlow(parts: QueueParts, definition: FlowDefinition): Promise<FlowReceipt> {
  checkShape(flowShape, definition);
  const { nodes, ...options } = definition;
  checkNodes(nodes);
  const ordered = inOrder(nodes, true);
  const { id, engine, writer } = await writerOf(parts, options);
  const stored = await withCancel(
    () => writer.open(options, ordered, true),
    // If no call of this writer has stored nodes, an earlier producer may have stored the flow. A failed repeat must
    // not cancel it.
    async () => writer.hasStored && cancelFlow(engine, id),
  );
  return { id, nodes: stored?.total ?? nodes.length, duplicate: stored === null };
}

async function writerOf(parts: QueueParts, options: FlowOptions) {
  const id = options.id ?? mintId();
  const part = await parts.partOfFlow(id);
  const { engine } = part;
  const places = new FlowPlaces(engine, await parts.known());
  return { id, engine, writer: new FlowWriter(places, id, (call) => part.storeNodes(id, call)) };
}

/** See `Queue.openFlow`. */
export async function openFlow(parts: QueueParts, options: FlowOptions): Promise<OpenFlow> {
  checkShape(openFlowShape, options);
  const { id, engine, writer } = await writerOf(parts, options);
  const stored = await writer.open(options, [], false);
  return new OpenFlow(id, writer, stored === null, () => cancelFlow(engine, id));
}

/**
 * A flow to which nodes are added in parts. Its nodes may run before it is sealed. The only callback that can come
 * before that is `dead`.
 */
export class OpenFlow {
  /** The id of the flow. */
  readonly id: string;
  /** True if the flow was sealed before this call opened it. Then nothing can be added. */
  readonly duplicate: boolean;
  /** Cancels the flow. */
  readonly cancel: () => Promise<FlowCancelled>;
  readonly #writer: FlowWriter;

  constructor(id: string, writer: FlowWriter, duplicate: boolean, cancel: () => Promise<FlowCancelled>) {
    this.id = id;
    this.#writer = writer;
    this.duplicate = duplicate;
    this.cancel = cancel;
  }

  /**
   * Adds nodes. A node whose name the flow has already is left as it is, so the call can be repeated. Nodes may come
   * after nodes that were added before.
   * @throws HoldfastError invalid_argument, payload_too_large, queue_full, conflict (sealed or cancelled), redis_*.
   * After an error some of the nodes may have been added, so repeat the call
   */
  async add(nodes: readonly FlowNode[]): Promise<NodesAdded> {
    checkNodes(nodes);
    return countAdded((await this.#writer.add(inOrder(nodes, false), false)).letters);
  }

  /**
   * Seals the flow: no more nodes can be added. If all its nodes have ended, the flow ends now.
   * @throws HoldfastError conflict (sealed or cancelled), redis_*
   */
  async seal(): Promise<FlowReceipt> {
    const { total } = await this.#writer.add([], true);
    return { id: this.id, nodes: total, duplicate: false };
  }
}

export function countAdded(letters: string): NodesAdded {
  const known = letters.split("d").length - 1;
  return { added: letters.length - known, known };
}
