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

// This type is declared outside of the module below. Inside the module, the compiler would drop the import from the
// declarations.
type CloseAfterAnswer = (reply: FastifyReply) => void;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route gets the body as a Buffer with the bytes as sent. */
    rawBody?: boolean;
    /** The route gets a body of `application/x-ndjson` as a stream. */
    lines?: boolean;
    /** The scope that a key needs. @default `read` for GET, `control` for all others */
    scope?: RouteScope;
    /** Whether the route also answers before the API keys were read from Redis for the first time. */
    beforeKeys?: boolean;
  }
  interface FastifyRequest {
    /** Who sent the request. */
    identity: Identity;
  }
  interface FastifyInstance {
    /** Functions of the server for code that answers requests without a route, such as fast-lane.ts. */
    basics: {
      isHostAllowed(host: string | undefined): boolean;
      identify: Identify;
      limiter: Limiter | undefined;
      /**
       * Connections whose requests are refused, because their address has too many or because they are being closed.
       */
      closing: ReadonlySet<Socket>;
      /** Closes the connection after the answer. */
      closeAfterAnswer: CloseAfterAnswer;
      /**
       * Returns the limit of conflicts for a sender who may not see every payload; undefined if the sender may, or if
       * there is no limit.
       */
      conflictsFor(identity: Identity): Pick<Conflicts, "limit"> | undefined;
      /** Checks that the sender still has access. @throws HoldfastError unauthorized, forbidden */
      recheck(request: FastifyRequest): void;
      /** Watches a stream or another long request, and reports when its sender loses access. */
      watch(request: FastifyRequest): Watch;
      /** Lets the body of an authenticated request take up to `streamTimeoutMs`. */
      allowLongBody(request: IncomingMessage, response: ServerResponse): void;
      /** Whether there are trusted proxies. Without them, the address of a client is that of its socket. */
      hasProxies: boolean;
      /** Returns a function that masks fields for this identity, or undefined if the identity may see everything. */
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

/** A long request. It is watched until `end` is called. */
export interface Watch {
  request: FastifyRequest;
  /** The route sets this function. It is called if the keys change and the sender loses access. */
  onDenied: (error: Error) => void;
  /** @throws HoldfastError unauthorized, forbidden */
  recheck(): void;
  end(): void;
}
