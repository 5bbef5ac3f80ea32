import type { QueueEvent, TaskEventType } from "@holdfast/contracts";
import { SERVICE_URL } from "./base.ts";
import { given } from "./client.ts";
import { ApiError } from "./errors.ts";
import { apiFetch, TIMEOUT_MS } from "./http.ts";

export interface EventsRequest {
  queue: string;
  /** The cursor after which to read; "0" for the oldest kept event; undefined for events from now on only. */
  after: string | undefined;
  kind: TaskEventType | undefined;
  signal: AbortSignal;
}

/** The events that arrived together, and the cursor after the last of them. */
export interface EventsChunk {
  events: QueueEvent[];
  cursor: string | undefined;
}

/**
 * Reads `GET /v1/queues/:queue/events` as Server-Sent Events. It uses `fetch`, because an EventSource does not tell why
 * it was refused. Returns when the service ends the stream.
 * @throws ApiError if the stream is refused, breaks off, or sends nothing for too long
 */
export async function readEvents(
  { queue, after, kind, signal }: EventsRequest,
  onChunk: (chunk: EventsChunk) => void,
): Promise<void> {
  // The service sends a comment every 15 s. So a stream that sends nothing for longer is broken.
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), TIMEOUT_MS);
  try {
    const search = new URLSearchParams(given({ after, types: kind }) as Record<string, string>).toString();
    const url = `${SERVICE_URL}/v1/queues/${encodeURIComponent(queue)}/events${search && `?${search}`}`;
    const request = new Request(url, { headers: { accept: "text/event-stream" }, signal });
    const { body } = await apiFetch(request, silence.signal);
    if (body === null) return;
    let rest = "";
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), TIMEOUT_MS);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      if (blocks.length === 0) continue;
      const { error, ...chunk } = chunkOf(blocks);
      onChunk(chunk);
      if (error !== null) throw error;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the blocks of a stream. @returns the events; `error` is set if the service ended the stream with one */
function chunkOf(blocks: readonly string[]): EventsChunk & { error: ApiError | null } {
  const chunk: ReturnType<typeof chunkOf> = { events: [], cursor: undefined, error: null };
  for (const line of blocks.flatMap((block) => block.split("\n"))) {
    if (line.startsWith("id: ")) chunk.cursor = line.slice(4);
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice(6)) as QueueEvent | { type: "error"; code: string; detail: string };
    if (event.type === "error")
      chunk.error = new ApiError({ status: 0, code: event.code, detail: event.detail });
    else chunk.events.push(event);
  }
  return chunk;
}
