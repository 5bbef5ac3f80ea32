import type { StreamMessage } from "@holdfast/contracts/api";

export interface StreamCallbacks {
  onOpen(): void;
  onMessage(message: StreamMessage): void;
  onClose(): void;
}

/** Returns the address of the live stream of the service that served the page. */
export const streamUrl = (serviceUrl: string) => `${serviceUrl.replace(/^http/, "ws")}/v1/stream`;

/** Opens one socket. Returns a function that closes it and stops its callbacks. */
export function openStream(url: string, callbacks: StreamCallbacks): () => void {
  let over = false;
  const socket = new WebSocket(url);
  const close = () => {
    if (over) return;
    over = true;
    socket.close();
    callbacks.onClose();
  };
  socket.addEventListener("open", () => !over && callbacks.onOpen());
  socket.addEventListener("close", close);
  socket.addEventListener("error", close);
  socket.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (over) return;
    const message = parseMessage(event.data);
    // A message in another format shows that another program answers at this address.
    if (message === null) close();
    else callbacks.onMessage(message);
  });
  return () => {
    over = true;
    socket.close();
  };
}

function parseMessage(data: unknown): StreamMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data) as Partial<StreamMessage> | null;
    const valid =
      typeof value === "object" &&
      value !== null &&
      value.type === "snapshot" &&
      typeof value.seq === "number" &&
      Array.isArray(value.queues);
    return valid ? (value as StreamMessage) : null;
  } catch {
    return null;
  }
}
