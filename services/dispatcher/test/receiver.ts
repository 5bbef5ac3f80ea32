import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;

export interface Received {
  id: string;
  path: string;
  headers: IncomingMessage["headers"];
  // biome-ignore lint/suspicious/noExplicitAny: tests read the fields that they sent
  body: any;
}

type Respond = (received: Received, response: ServerResponse) => unknown;

/** A receiver of signed requests. It checks their signatures with another library, and accepts only right ones. */
export class Receiver {
  readonly received: Received[] = [];
  /** The requests whose signature was wrong. */
  readonly refused: string[] = [];
  respond: Respond = (_received, response) => response.writeHead(204).end();
  readonly #server = createServer((request, response) => void this.#take(request, response));
  #port = 0;
  secret: string;

  constructor(secret = newSecret()) {
    this.secret = secret;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listens on the port that it had before, or on a free one. */
  async up(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async down(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** The ids that were received, each one once. */
  ids(): Set<string> {
    return new Set(this.received.map(({ id }) => id));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { headers } = request;
    try {
      const body = new Webhook(this.secret).verify(text, headers as Record<string, string>);
      const received = { id: String(headers["webhook-id"]), path: request.url ?? "", headers, body };
      this.received.push(received);
      await this.respond(received, response);
    } catch (error) {
      this.refused.push((error as Error).message);
      response.writeHead(500).end();
    }
  }
}

/** Signs a report as an endpoint does. */
export function signedReport(secret: string, id: string, body: unknown, at = new Date()): RequestInit {
  return signedText(secret, id, JSON.stringify(body), at);
}

/** The same with any text as the body. */
export function signedText(secret: string, id: string, text: string, at = new Date()): RequestInit {
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
      "webhook-signature": new Webhook(secret).sign(id, at, text),
    },
    body: text,
  };
}
