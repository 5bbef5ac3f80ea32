import { Readable } from "node:stream";
import { type FingerprintedOptions, HoldfastError, LIMITS } from "@holdfast/contracts";
import { lineTooLong, ReadTasks, type TaskReader } from "@holdfast/contracts/task-json";
import type { Watch } from "../http/types.ts";
import { resultText, resultTexts, type StoredBatch } from "./batch.ts";
import { LINE_LIMIT_BYTES } from "./read.ts";
import type { BatchResult } from "./schema.ts";

// The next block is read only after the last block was stored, so this size limits the memory of a stream.
const BLOCK_BYTES = 262_144;

/**
 * Yields the tasks of a body of lines, in blocks, while the body is arriving. No block is empty.
 *
 * @param reader reads the lines
 * @param isPrompt whether to yield lines as they arrive, instead of waiting for a full block
 */
export async function* readTaskStream<Options>(
  source: AsyncIterable<Buffer>,
  reader: TaskReader<Options>,
  isPrompt: boolean,
): AsyncGenerator<ReadTasks<Options>> {
  let whole: Buffer[] = [];
  let wholeBytes = 0;
  let partial: Buffer[] = [];
  let partialBytes = 0;
  let isSkipping = false;
  const take = (): ReadTasks<Options> => {
    const read = reader.lines(Buffer.concat(whole));
    whole = [];
    wholeBytes = 0;
    return read;
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
      // The refusal takes the place of the line in the results. The rest of the line is dropped while it arrives.
      const read = take();
      read.refuse(lineTooLong(LINE_LIMIT_BYTES));
      yield read;
      partial = [];
      partialBytes = 0;
      isSkipping = true;
    } else if (wholeBytes >= (isPrompt ? 1 : BLOCK_BYTES)) {
      const read = take();
      if (read.count > 0) yield read;
    }
  }
  whole.push(...partial);
  const read = take();
  if (read.count > 0) yield read;
}

/**
 * Yields the blocks as long as their sender has access. If the sender loses access, the last block has the error.
 * @throws HoldfastError unauthorized, forbidden: before the first block
 */
export async function* whileAllowed<Options>(
  blocks: AsyncGenerator<ReadTasks<Options>>,
  watch: Watch,
): AsyncGenerator<ReadTasks<Options>> {
  let isFirst = true;
  let isDenied = false;
  const next = () =>
    // Each block has a promise of its own. If all blocks shared one promise, each race would add a listener to it.
    new Promise<IteratorResult<ReadTasks<Options>>>((resolve, reject) => {
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
    yield allRefused(1, () => error);
  } finally {
    watch.end();
    // `return` would close the connection before the rest of the answer was sent. So it is called only if the sender
    // still has access.
    if (!isDenied) await blocks.return(undefined);
  }
}

export type LineTotals = Pick<BatchResult, "accepted" | "duplicates" | "failed">;

/** The function that stores a block, and the totals so far. */
interface LineIntake {
  store(block: ReadTasks): Promise<StoredBatch>;
  blocks: AsyncGenerator<ReadTasks>;
  totals: LineTotals;
}

/** Returns the result of each task, one JSON object per line. */
export function answerAsLines(intake: LineIntake, first: ReadTasks): Readable {
  return toStream(async function* () {
    for await (const { results } of stored(intake, first)) {
      let text = "";
      for (const result of results) text += `${resultText(result)}\n`;
      yield text;
    }
  });
}

/** Returns the same JSON as for a batch that is stored in one call. The totals are at its end. */
export function answerAsDocument(intake: LineIntake, before: BatchResult, next: ReadTasks): Readable {
  const { totals } = intake;
  add(totals, before);
  return toStream(async function* () {
    yield `{"results":[${resultTexts(before.results)}`;
    for await (const { results } of stored(intake, next)) yield `,${resultTexts(results)}`;
    yield `],"accepted":${totals.accepted},"duplicates":${totals.duplicates},"failed":${totals.failed}}`;
  });
}

async function* stored(intake: LineIntake, first: ReadTasks): AsyncGenerator<BatchResult> {
  const { store, blocks, totals } = intake;
  try {
    for (let block = first; ; ) {
      const { body } = await store(block).catch((error: unknown) => {
        if (!(error instanceof HoldfastError)) throw error;
        // The answer has begun, so its status cannot change any more. An error of the whole block is reported in each
        // of its lines.
        return store(allRefused(block.count, (place) => block.refused?.get(place) ?? error));
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

function allRefused<Options = FingerprintedOptions>(
  count: number,
  errorAt: (place: number) => HoldfastError,
): ReadTasks<Options> {
  const read = new ReadTasks<Options>(Buffer.alloc(0));
  for (let place = 0; place < count; place++) read.refuse(errorAt(place));
  return read;
}

function add(totals: LineTotals, { accepted, duplicates, failed }: BatchResult): void {
  totals.accepted += accepted;
  totals.duplicates += duplicates;
  totals.failed += failed;
}

// With this high-water mark, no further block is stored while the caller does not read the results.
function toStream(make: () => AsyncGenerator<string>): Readable {
  return Readable.from(make(), { highWaterMark: 1 });
}

export const LINE_HELP = `At most ${LIMITS.payloadBytes} bytes of payload and ${LINE_LIMIT_BYTES} bytes per line.`;
