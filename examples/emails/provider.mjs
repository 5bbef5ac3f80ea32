import { createServer } from "node:http";

/** Starts a fake provider on its own port. It answers its second request with 429. */
export async function startProvider() {
  const sent = new Map();
  const times = [];
  let requests = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests++;
    if (requests === 2) {
      response.writeHead(429, { "retry-after": "1" }).end();
      return;
    }
    const mail = JSON.parse(body);
    if (!mail.to.includes("@")) {
      response.writeHead(400).end(`"${mail.to}" is not an address`);
      return;
    }
    times.push(performance.now());
    sent.set(request.headers["idempotency-key"], mail);
    response.writeHead(202).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  return { url, sent, times, close: () => new Promise((resolve) => server.close(resolve)) };
}
