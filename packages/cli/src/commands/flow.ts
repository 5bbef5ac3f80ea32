import { TASK_STATES } from "@holdfast/contracts";
import {
  type FlowNodeView,
  type FlowReceipt,
  type FlowView,
  HoldfastError,
  Queue,
  type TaskState,
} from "holdfast";
import { confirmByName } from "../confirm.ts";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { type FlowFile, readFlowFile } from "../flow-file.ts";
import type { Column } from "../output.ts";
import { counted, parseWhole, time, withCommas } from "../values.ts";
import { dryRun, inBulk } from "./dlq.ts";
import { pageOptions } from "./task.ts";

const FLOW_COLUMNS: Column<FlowView>[] = [
  { title: "ID", cell: (flow) => flow.id },
  { title: "STATE", cell: (flow) => flow.outcome ?? flow.state },
  { title: "NODES", cell: ({ counts }) => counts.total, right: true },
  { title: "WAITING", cell: ({ counts }) => counts.waiting, right: true },
  { title: "ACTIVE", cell: ({ counts }) => counts.active, right: true },
  { title: "COMPLETED", cell: ({ counts }) => counts.completed, right: true },
  { title: "DEAD", cell: ({ counts }) => counts.dead, right: true },
  { title: "CREATED", cell: (flow) => time(flow.createdAt) },
];

const NODE_COLUMNS: Column<FlowNodeView>[] = [
  { title: "NAME", cell: (node) => node.name },
  { title: "TYPE", cell: (node) => node.type ?? "" },
  { title: "STATE", cell: (node) => (isSkipped(node) ? "skipped" : node.state) },
  { title: "AFTER", cell: ({ after }) => shortened(after) },
  { title: "WAITS FOR", cell: (node) => node.waitsFor || "", right: true },
  { title: "SKIPPED BY", cell: (node) => node.skippedBy ?? "" },
  { title: "RESULT", cell: ({ resultText }) => resultText?.slice(0, 80) ?? "" },
];

const isSkipped = (node: FlowNodeView) => node.skippedBy !== null;
const shortened = (names: readonly string[]) =>
  names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

function show({ out }: Context, flow: FlowView): void {
  const { total, ...states } = flow.counts;
  const counts = Object.entries(states).filter(([, count]) => count > 0);
  out.record(flow, [
    ["id", flow.id],
    ["queue", flow.queue],
    ["state", flow.state],
    ["outcome", flow.outcome],
    ["cancel requested", flow.cancelRequested || null],
    ["nodes", withCommas(total)],
    ...counts.map(([state, count]) => [state, withCommas(count)] as const),
    ["created", time(flow.createdAt)],
    ["seal by", time(flow.sealBy)],
    ["ended", time(flow.endedAt)],
    ...flow.callbacks.map(
      ({ moment, taskId, enqueued }) => [`on ${moment}`, enqueued ? taskId : "not yet"] as const,
    ),
  ]);
}

const unknown = (queue: string, id: string) =>
  new HoldfastError("not_found", `queue "${queue}" has no flow "${id}"`);

async function flowOf(context: Context, queue: string, id: string): Promise<FlowView> {
  const flow = await (await context.observer()).getFlow(queue, id);
  if (flow === null) throw unknown(queue, id);
  return flow;
}

/** Stores a flow. A JSON object is stored as a whole, and NDJSON in parts. */
async function store(producer: Queue, { head, parts, whole }: FlowFile): Promise<FlowReceipt> {
  const { open: isOpen, ...options } = head;
  if (whole !== null && !isOpen) return producer.flow({ ...options, nodes: whole });
  // The first part is read now, so that its errors are found before anything is stored.
  let part = await parts.next();
  const flow = await producer.openFlow(options);
  let count = 0;
  try {
    for (; !part.done && !flow.duplicate; part = await parts.next()) {
      await flow.add(part.value);
      count += part.value.length;
    }
    if (!flow.duplicate && !isOpen) return await flow.seal();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const help = `flow "${flow.id}" is open and has the nodes up to this error: repeat the command with this id to add the others, or cancel the flow`;
    throw new HoldfastError(error.code, `${error.message}; ${help}`, { cause: error });
  }
  const view = await producer.getFlow(flow.id);
  return { id: flow.id, nodes: view?.counts.total ?? count, duplicate: flow.duplicate };
}

export function flowCommand(program: Command, action: Action): void {
  const flow = program.command("flow").description("creates, shows, cancels and replays flows");

  flow
    .command("create")
    .argument("<queue>")
    .argument("<file>", "JSON, or NDJSON: first the flow, then a node per line; - is standard input")
    .description("stores a flow: tasks that wait for one another; fields as in HTTP")
    .action(
      action(async (context, [queue = "", path = ""]) => {
        const file = await readFlowFile(path, context.io.stdin);
        await context.warnOfNewQueue(queue);
        const producer = new Queue(queue, { client: context.client });
        const receipt = await context.recorded(
          { action: "flow.create", queue, subject: file.head.id },
          () => store(producer, file),
          ({ id, nodes, duplicate }) => ({ count: duplicate ? 0 : nodes, code: null, subject: id }),
        );
        await producer.close();
        context.out.record(receipt, [
          ["id", receipt.id],
          ["nodes", withCommas(receipt.nodes)],
          ["duplicate", receipt.duplicate ? "yes: it was stored before, and nothing was added" : null],
        ]);
      }),
    );

  pageOptions(flow.command("ls").alias("list").argument("<queue>"))
    .description("lists the flows of a queue, page by page")
    .action(
      action<PageOptions>(async (context, [queue = ""], options) => {
        const { flows, cursor } = await (await context.observer()).flows(queue, pageOf(options));
        context.out.list(flows, FLOW_COLUMNS);
        if (cursor !== null) context.out.say(`more: --cursor ${cursor}`);
      }),
    );

  flow
    .command("show")
    .argument("<queue>")
    .argument("<id>")
    .description("shows the state of a flow and how many of its nodes are in each state")
    .action(
      action(async (context, [queue = "", id = ""]) => show(context, await flowOf(context, queue, id))),
    );

  pageOptions(flow.command("nodes").argument("<queue>").argument("<id>"))
    .addOption(new Option("--state <state>", "only nodes in this state").choices(TASK_STATES))
    .description("lists the nodes of a flow, page by page, with their results")
    .action(
      action<PageOptions & { state?: TaskState }>(async (context, [queue = "", id = ""], options) => {
        const { state } = options;
        const page = await (await context.observer()).flowNodes(queue, id, {
          ...pageOf(options),
          ...(state === undefined ? {} : { state }),
        });
        context.out.list(page.nodes, NODE_COLUMNS);
        if (page.cursor !== null) context.out.say(`more: --cursor ${page.cursor}`);
      }),
    );

  flow
    .command("cancel")
    .argument("<queue>")
    .argument("<id>")
    .option("--confirm <queue>", "the name of the queue again, to cancel without a question")
    .description("ends the waiting nodes of a flow, and asks the workers of running ones to stop")
    .action(
      action<{ confirm?: string }>(async (context, [queue = "", id = ""], { confirm }) => {
        const { counts, state } = await flowOf(context, queue, id);
        const open = counts.waiting + counts.active;
        if (state !== "ended") {
          const nodes = counted(open, "node that has not ended", "nodes that have not ended");
          await confirmByName(context, queue, confirm, `cancel flow "${id}" with ${nodes}`);
        }
        const observer = await context.observer();
        const outcome = await context.recorded(
          { action: "flow.cancel", queue, subject: id },
          () => observer.cancelFlow(queue, id),
          (outcome) => (outcome === "cancelled" ? open : 0),
        );
        if (outcome === "not_found") throw unknown(queue, id);
        if (outcome === "too_late")
          throw new HoldfastError(
            "too_late",
            `flow "${id}" has ended: see holdfast flow show ${queue} ${id}`,
          );
        context.out.record({ id, queue, outcome }, [[id, outcome]]);
      }),
    );

  flow
    .command("replay")
    .argument("<queue>")
    .argument("<id>")
    .option("--rate <n>", "at most this many per second", parseWhole(1, 100_000))
    .option("--dry-run", "only count; change nothing")
    .description("replays the dead letters of a flow; the nodes that were skipped because of them wait again")
    .action(
      action<{ rate?: number; dryRun?: boolean }>(async (context, [queue = "", id = ""], options) => {
        await flowOf(context, queue, id);
        const filter = { flow: id };
        if (options.dryRun) return dryRun(context, queue, [], filter);
        return inBulk(context, { kind: "replay", queue }, filter, options.rate, id);
      }),
    );
}

interface PageOptions {
  limit: number;
  cursor?: string;
}

const pageOf = ({ limit, cursor }: PageOptions) => ({
  limit,
  ...(cursor === undefined ? {} : { cursor }),
});
