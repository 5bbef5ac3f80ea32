// Sends PINGs to a Redis from a separate thread, one at a time, and measures their round trips.
import { connect } from "node:net";
import { setPriority } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const THREAD = "holdfast-pings";

/**
 * Sends PINGs until `stop` is called. `since` returns the round trips since its last call, ms.
 * @param {number} port the port of a Redis on this machine that needs no password
 */
export function startPings(port) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { [THREAD]: port } });
  return {
    /** @returns {Promise<number[]>} */
    since: () =>
      new Promise((resolve) => {
        thread.once("message", resolve);
        thread.postMessage("since");
      }),
    stop: () => thread.terminate(),
  };
}

if (!isMainThread && workerData?.[THREAD] !== undefined) ping(workerData[THREAD]);

function ping(port) {
  try {
    // This thread gets a high priority. If it had to wait for a processor, Redis would look slow.
    setPriority(-10);
  } catch {}
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  let took = [];
  let sentAt = 0;
  const send = () => {
    sentAt = performance.now();
    socket.write("PING\r\n");
  };
  socket.on("connect", send);
  socket.on("data", () => {
    took.push(performance.now() - sentAt);
    setTimeout(send, 1);
  });
  parentPort.on("message", () => {
    parentPort.postMessage(took);
    took = [];
  });
}
