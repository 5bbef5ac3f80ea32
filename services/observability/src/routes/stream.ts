import websocket from "@fastify/websocket";
import { bucketOf, type HttpServer } from "@holdfast/service";
import { foreignOrigin } from "../identity/person.ts";
import type { StreamHub } from "../stream/hub.ts";
import { type Addressed, isAllowedOrigin } from "../stream/origin.ts";

/** Clients send no data. If a client sends a larger frame, its connection is closed. */
const MAX_PAYLOAD_BYTES = 1_024;

/** The live stream, `WS /v1/stream`. Its frames are `StreamMessage` of @holdfast/contracts. */
export async function streamRoutes(
  app: HttpServer,
  options: {
    hub: StreamHub;
    /** Returns the names under which the browser of this request may know the service. */
    hostsOf(request: Addressed): string[];
    allowedOrigins: readonly string[];
  },
): Promise<void> {
  const { hub, hostsOf, allowedOrigins } = options;
  await app.register(websocket, { options: { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false } });
  // If an upgrade is refused before the hook of the plugin runs, the plugin does not close the socket. So it is closed
  // here.
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
        // The Origin is checked before the upgrade. A refused client then gets an ordinary HTTP answer.
        onRequest: async (request) => {
          const hosts = hostsOf(request.raw);
          if (!isAllowedOrigin(request.headers.origin, hosts, allowedOrigins))
            throw foreignOrigin("open the stream", hosts);
          hub.assertRoom(bucketOf(request.identity, request.ip));
        },
      },
      // The headers of the upgrade request identify the client. They are checked again before each frame.
      (socket, request) =>
        hub.add(socket, () => app.basics.identify(request.raw), bucketOf(request.identity, request.ip)),
    );
  });
}
