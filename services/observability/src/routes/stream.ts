import websocket from "@fastify/websocket";
import { bucketOf, type HttpServer } from "@holdfast/service";
import { foreignOrigin } from "../identity/person.ts";
import type { StreamHub } from "../stream/hub.ts";
import { type Addressed, isAllowedOrigin } from "../stream/origin.ts";

/** Clients have nothing to say: a larger frame closes the connection. */
const MAX_PAYLOAD_BYTES = 1_024;

/** `WS /v1/stream`; the frames are `StreamMessage` of the contracts. */
export async function streamRoutes(
  app: HttpServer,
  options: {
    hub: StreamHub;
    /** The names under which the browser may know this service. */
    hostsOf(request: Addressed): string[];
    allowedOrigins: readonly string[];
  },
): Promise<void> {
  const { hub, hostsOf, allowedOrigins } = options;
  await app.register(websocket, { options: { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false } });
  // The plugin forgets the socket of an upgrade that is refused before its own hook; it would stay open for ever.
  app.addHook("onResponse", async (request, reply) => {
    if (reply.statusCode >= 400 && request.headers.upgrade !== undefined) request.raw.socket.destroy();
  });
  await app.register(async (scope) => {
    scope.get(
      "/v1/stream",
      {
        websocket: true,
        schema: { hide: true },
        config: { scope: "read", beforeKeys: true },
        // Before the upgrade: whoever is refused gets a plain answer and never a socket.
        onRequest: async (request) => {
          const hosts = hostsOf(request.raw);
          if (!isAllowedOrigin(request.headers.origin, hosts, allowedOrigins))
            throw foreignOrigin("open the stream", hosts);
          hub.assertRoom(bucketOf(request.identity, request.ip));
        },
      },
      // The headers of the upgrade stand for the client as long as it stays: asked again for each frame.
      (socket, request) =>
        hub.add(socket, () => app.basics.identify(request.raw), bucketOf(request.identity, request.ip)),
    );
  });
}
