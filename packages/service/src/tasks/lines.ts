import { Readable } from "node:stream";
import { HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Queue, TraceContext } from "holdfast";
import type { Watch } from "../http/types.ts";
import { enqueueItems, resultText, resultTexts } from "./intake.ts";
import type { IntakeMetrics } from "./metrics.ts";
import { LINE_LIMIT_BYTES, type ReadTask, readTaskLines, tooLong } from "./read.ts";
import type { BatchResult } from "./schema.ts";

// About 2,500 small tasks: the next block is read when this one is stored, so this is what a stream holds of memory.
const BLOCK_BYTES = 262_144;

/**
 * The tasks of a body of lines, block by block as it arrives; a block is never empty.
 *
 * @param isPrompt do not wait for a full block: what has arrived is given
 */
export async function* readTaskStream(
  source: AsyncIterable<Buffer>,
  isPrompt: boolean,
): AsyncGenerator<ReadTask[]> {
  let whole: Buffer[] = [];
  let wholeBytes = 0;
  let partial: Buffer[] = [];
  let partialBytes = 0;
  let isSkipping = false;
  const take = (): ReadTask[] => {
    const items = readTaskLines(Buffer.concat(whole));
    whole = [];
    wholeBytes = 0;
    return items;
  };
  for await (const chunk of source) {
    let rest = chunk;
    if (isSkipping) {
      const newline = rest.indexOf(10);
      if (newline < 0) continue;
      isSkipping = false;
      rest = rest.subarray(newline + 1);
    }
    const end = rest.lastIndexOf(10) + 1;
    if (end > 0) {
      whole.push(...partial, rest.subarray(0, end));
      wholeBytes += partialBytes + end;
      partial = [];
      partialBytes = 0;
    }
    partial.push(rest.subarray(end));
    partialBytes += rest.length - end;
    if (partialBytes > LINE_LIMIT_BYTES) {
      // Answered in its place; the rest of it is dropped as it comes.
      yield [...take(), { ok: false, error: tooLong() }];
      partial = [];
      partialBytes = 0;
      isSkipping = true;
    } else if (wholeBytes >= (isPrompt ? 1 : BLOCK_BYTES)) {
      const items = take();
      if (items.length > 0) yield items;
    }
  }
  whole.push(...partial);
  const items = take();
  if (items.length > 0) yield items;
}

/**
 * The same blocks for as long as their sender may send them; then, in the place of a block, why no more is taken.
 * @throws HoldfastError unauthorized, forbidden: before the first block
 */
export async function* whileAllowed(
  blocks: AsyncGenerator<ReadTask[]>,
  watch: Watch,
): AsyncGenerator<ReadTask[]> {
  let isFirst = true;
  let isDenied = false;
  const next = () =>
    // Not a race with one promise for all blocks: each of them would leave something on it.
    new Promise<IteratorResult<ReadTask[]>>((resolve, reject) => {
      watch.onDenied = (error) => {
        isDenied = true;
        reject(error);
      };
      blocks.next().then(resolve, reject);
    });
  try {
    for (let block = await next(); !block.done; block = await next()) {
      try {
        watch.recheck();
      } catch (error) {
        isDenied = true;
        throw error;
      }
      isFirst = false;
      yield block.value;
    }
  } catch (error) {
    if (!isDenied || isFirst || !(error instanceof HoldfastError)) throw error;
    yield [{ ok: false, error }];
  } finally {
    watch.end();
    // It would close the connection, and the rest of the answer has to be sent first.
    if (!isDenied) await blocks.return(undefined);
  }
}

export type LineTotals = Pick<BatchResult, "accepted" | "duplicates" | "failed">;

interface LineIntake {
  name: string;
  queue: Pick<Queue, "enqueueMany">;
  metrics: IntakeMetrics | undefined;
  trace?: TraceContext | undefined;
  blocks: AsyncGenerator<ReadTask[]>;
  /** Counted up while the answer is made. */
  totals: LineTotals;
}

/** One result per line, as lines. */
export function answerAsLines(intake: LineIntake, first: ReadTask[]): Readable {
  return toStream(async function* () {
    for await (const { results } of stored(intake, first)) {
      let text = "";
      for (const result of results) text += `${resultText(result)}\n`;
      yield text;
    }
  });
}

/** The same JSON as for a batch that is stored at once, with the totals at its end. */
export function answerAsDocument(intake: LineIntake, before: BatchResult, next: ReadTask[]): Readable {
  const { totals } = intake;
  add(totals, before);
  return toStream(async function* () {
    yield `{"results":[${resultTexts(before.results)}`;
    for await (const { results } of stored(intake, next)) yield `,${resultTexts(results)}`;
    yield `],"accepted":${totals.accepted},"duplicates":${totals.duplicates},"failed":${totals.failed}}`;
  });
}

async function* stored(intake: LineIntake, first: ReadTask[]): AsyncGenerator<BatchResult> {
  const { name, queue, metrics, trace, blocks, totals } = intake;
  try {
    for (let block = first; ; ) {
      const { body } = await enqueueItems(name, queue, block, metrics, trace).catch((error: unknown) => {
        if (!(error instanceof HoldfastError)) throw error;
        // The answer has begun: what concerns all is told of each.
        const refused = block.map((item): ReadTask => (item.ok ? { ok: false, error } : item));
        return enqueueItems(name, queue, refused, metrics);
      });
      add(totals, body);
      yield body;
      const next = await blocks.next();
      if (next.done) return;
      block = next.value;
    }
  } finally {
    await blocks.return(undefined);
  }
}

function add(totals: LineTotals, { accepted, duplicates, failed }: BatchResult): void {
  totals.accepted += accepted;
  totals.duplicates += duplicates;
  totals.failed += failed;
}

// A mark of one: nothing is stored ahead of a caller that does not read its results.
function toStream(make: () => AsyncGenerator<string>): Readable {
  return Readable.from(make(), { highWaterMark: 1 });
}

export const LINE_HELP = `At most ${LIMITS.payloadBytes} bytes of payload and ${LINE_LIMIT_BYTES} bytes per line.`;
