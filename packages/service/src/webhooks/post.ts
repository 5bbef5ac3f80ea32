import { LIMITS } from "@holdfast/contracts";
import { Agent, request } from "undici";
import { assertPublicHost, publicLookup } from "./addresses.ts";
import type { Answer } from "./answers.ts";

// How long an unused connection stays open, ms. It is shorter than the time-outs of most proxies, so that no request
// is sent on a connection that the proxy is closing.
const KEEP_ALIVE_MS = 4_000;
const CONNECT_TIMEOUT_MS = 10_000;
const HEADER_BYTES = 16_384;

export interface Posted {
  url: URL;
  allowPrivate: boolean;
  timeoutMs: number;
}

export interface PosterOptions {
  userAgent: string;
  /** The setting that allows an endpoint whose address is not public. The message of a refusal names it. */
  privateSetting: string;
}

/** Sends requests to endpoints, and follows no redirects. */
export class Poster {
  readonly #agents: { public: Agent; any: Agent };
  readonly #options: PosterOptions;

  constructor(options: PosterOptions) {
    this.#options = options;
    const lookup = publicLookup(options.privateSetting);
    const agentOptions = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES,
      // These two limits are off, because the time limit of the endpoint covers the whole request.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    this.#agents = {
      public: new Agent({ ...agentOptions, connect: { lookup, timeout: CONNECT_TIMEOUT_MS } }),
      any: new Agent({ ...agentOptions, connect: { timeout: CONNECT_TIMEOUT_MS } }),
    };
  }

  /**
   * Sends a JSON body. The time limit covers everything up to the end of the answer.
   * @throws RefusedAddress, or any error of the connection
   */
  async post(
    to: Posted,
    headers: Record<string, string>,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<Answer> {
    if (!to.allowPrivate) assertPublicHost(to.url, this.#options.privateSetting);
    const timeout = AbortSignal.timeout(to.timeoutMs);
    try {
      const response = await request(to.url, {
        method: "POST",
        dispatcher: to.allowPrivate ? this.#agents.any : this.#agents.public,
        headers: {
          "content-type": "application/json",
          "user-agent": this.#options.userAgent,
          ...headers,
        },
        body,
        signal: AbortSignal.any([signal, timeout]),
      });
      const text = await readBody(response.body);
      const one = (name: string) => {
        const value = response.headers[name];
        return Array.isArray(value) ? value[0] : value;
      };
      return {
        status: response.statusCode,
        retryAfter: one("retry-after"),
        contentType: one("content-type"),
        body: text,
      };
    } catch (error) {
      if (!timeout.aborted || signal.aborted) throw error;
      throw new Error(`the endpoint did not answer within ${to.timeoutMs} ms`);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#agents.public.destroy(), this.#agents.any.destroy()]);
  }
}

/** Reads a body up to the maximum size of a result. Returns null if the body is longer, and closes its connection. */
async function readBody(body: AsyncIterable<Buffer>): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // A return from this loop destroys the stream.
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > LIMITS.resultBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
