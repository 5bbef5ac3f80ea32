import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { Identity } from "@holdfast/contracts/api";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
} from "fastify";
import type { Identify } from "../identity/access.ts";
import type { Limiter } from "../identity/rate-limit.ts";
import type { RouteScope } from "../identity/scopes.ts";
import type { ServiceMetrics } from "../metrics.ts";
import type { Conflicts } from "../tasks/conflicts.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body is given as a Buffer, for routes that need the bytes as sent. */
    rawBody?: boolean;
    /** A body of `application/x-ndjson` is given as a stream. */
    lines?: boolean;
    /** The scope that a key needs. @default `read` for GET, `control` for all others */
    scope?: RouteScope;
    /** The route also answers while Redis is away and it is not known whether there are keys. */
    beforeKeys?: boolean;
  }
  interface FastifyRequest {
    /** The sender. */
    identity: Identity;
  }
  interface FastifyInstance {
    /** The parts that every answer needs, for answers outside of the routes. */
    basics: {
      isHostAllowed(host: string | undefined): boolean;
      identify: Identify;
      limiter: Limiter | undefined;
      /** Connections on which requests are refused: their address has too many, or they close after an answer. */
      closing: ReadonlySet<Socket>;
      /** Closes the connection after the answer. */
      closeAfterAnswer(reply: FastifyReply): void;
      /**
       * Limits the conflicts of a sender who may not see every payload. Undefined if the sender may, or if there is no
       * limit.
       */
      conflictsFor(identity: Identity): Pick<Conflicts, "limit"> | undefined;
      /** Checks that the sender still has access. @throws HoldfastError unauthorized, forbidden */
      recheck(request: FastifyRequest): void;
      /** Watches a lasting request, and reports when its sender loses access. */
      watch(request: FastifyRequest): Watch;
      /** Lets the body of an authenticated request take up to `streamTimeoutMs`. */
      allowLongBody(request: IncomingMessage, response: ServerResponse): void;
      /** Whether there are trusted proxies. Without one, the address of a client is that of its socket. */
      hasProxies: boolean;
      /** Masks fields for this identity; undefined if it may see everything. */
      maskFor(identity: Identity): ((value: unknown) => unknown) | undefined;
      observe: ServiceMetrics["observeHttp"];
    };
  }
}

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** A lasting request, watched until `end`. */
export interface Watch {
  request: FastifyRequest;
  /** Set by the route; called when the keys have changed and the sender has lost access. */
  onDenied: (error: Error) => void;
  /** @throws HoldfastError unauthorized, forbidden */
  recheck(): void;
  end(): void;
}
