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
    /** The body arrives as a Buffer: for routes that need the bytes sent. */
    rawBody?: boolean;
    /** A body of `application/x-ndjson` arrives as a stream. */
    lines?: boolean;
    /** The scope that a key needs. @default `read` for GET, `control` for all others */
    scope?: RouteScope;
    /** Answered also while it is not known whether there are keys, since Redis is away. */
    beforeKeys?: boolean;
  }
  interface FastifyRequest {
    /** The sender. */
    identity: Identity;
  }
  interface FastifyInstance {
    /** The parts that every answer needs, for answers that do not come from a route. */
    basics: {
      isHostAllowed(host: string | undefined): boolean;
      requestId(): string;
      identify: Identify;
      limiter: Limiter | undefined;
      /** True if the address has too many connections, or this one is about to be closed: its requests are refused. */
      isClosing(socket: Socket): boolean;
      /** The connection is closed when the answer was sent. */
      closeAfterAnswer(reply: FastifyReply): void;
      /** Limits the conflicts of a sender who may not see every payload; undefined if he may, or if there is no limit. */
      conflictsFor(identity: Identity): Pick<Conflicts, "limit"> | undefined;
      /** Whether the sender still may what he was let in for. @throws HoldfastError unauthorized, forbidden */
      recheck(request: FastifyRequest): void;
      /** Tells when the sender of a request that lasts may no longer. */
      watch(request: FastifyRequest): Watch;
      /** Gives the body of a request that was let in the time of a stream. */
      allowLongBody(request: IncomingMessage, response: ServerResponse): void;
      /** The address of a client without a proxy in between is that of its socket. */
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

/** A request that lasts, watched until `end`. */
export interface Watch {
  request: FastifyRequest;
  /** Called when the keys have changed and its sender may no longer; to be set. */
  onDenied: (error: Error) => void;
  /** @throws HoldfastError unauthorized, forbidden */
  recheck(): void;
  end(): void;
}
