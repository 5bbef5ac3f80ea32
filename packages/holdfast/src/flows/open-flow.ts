import type { FlowDefinition, FlowNode, FlowOptions, FlowReceipt } from "@holdfast/contracts";
import { cancelFlow, type FlowCancelled } from "../engine/flow-mover.ts";
import { checkShape } from "../options/shape.ts";
import { mintId } from "../queue/mint-ids.ts";
import type { QueueParts } from "../queue/queue-parts.ts";
import { checkNodes, flowShape, inOrder, openFlowShape } from "./flow-options.ts";
import { FlowPlaces } from "./flow-places.ts";
import { FlowWriter, withCancel } from "./flow-writer.ts";

/** The result of adding nodes to a flow. */
export interface NodesAdded {
  /** How many of the nodes were new. */
  added: number;
  /** How many of the nodes the flow had already. These were not changed. */
  known: number;
}

/** Stores a flow: see `Queue.flow`. */
export async function storeFlow(parts: QueueParts, definition: FlowDefinition): Promise<FlowReceipt> {
  checkShape(flowShape, definition);
  const { nodes, ...options } = definition;
  checkNodes(nodes);
  const ordered = inOrder(nodes, true);
  const { id, engine, writer } = await writerOf(parts, options);
  const stored = await withCancel(
    () => writer.open(options, ordered, true),
    // If this call has stored no nodes, an earlier call may have made the flow. Such a flow must not be cancelled.
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

/** Creates a flow to which nodes are added later: see `Queue.openFlow`. */
export async function openFlow(parts: QueueParts, options: FlowOptions): Promise<OpenFlow> {
  checkShape(openFlowShape, options);
  const { id, engine, writer } = await writerOf(parts, options);
  const stored = await writer.open(options, [], false);
  return new OpenFlow(id, writer, stored === null, () => cancelFlow(engine, id));
}

/**
 * A flow to which nodes are added by several calls. Its nodes may run before it is sealed (closed for new nodes). Of
 * its callbacks, only `dead` can run before that.
 */
export class OpenFlow {
  /** The id of the flow. */
  readonly id: string;
  /** Whether the flow was sealed before this call opened it. Then nothing can be added. */
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
   * Adds nodes. A node that the flow has already, by its name, is not changed, so the call can be repeated. The `after`
   * of a node may name nodes that were added before.
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
