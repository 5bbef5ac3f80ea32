import { writeFileSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type ProxyOptions } from "vite";

// The target of /v1 under `pnpm dev`: an observability service, or dev/mock-server.mjs.
const api = process.env.HOLDFAST_API ?? "http://127.0.0.1:3001";

// A page served by Vite has another origin than the service. This proxy gives its own pages, and only them, the origin
// of the service; pages from elsewhere keep theirs. So the service needs no setting for it.
const sameOrigin: ProxyOptions = {
  changeOrigin: true,
  configure(proxy) {
    for (const event of ["proxyReq", "proxyReqWs"] as const)
      proxy.on(event, (sent: ClientRequest, { headers: { origin, host } }: IncomingMessage) => {
        if (origin === `http://${host}`) sent.setHeader("origin", new URL(api).origin);
      });
  },
};

/** Writes a compressed file beside each text file, for browsers that accept it. Below a kilobyte it is not worth it. */
function compress(): Plugin {
  return {
    name: "holdfast-compress",
    apply: "build",
    writeBundle({ dir = "" }, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
        if (!/\.(js|css|svg)$/.test(name) || content.length < 1_024) continue;
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(content));
        writeFileSync(join(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  // Relative to the page, whose <base> says where the service is: a reverse proxy may serve it below a path.
  base: "./",
  plugins: [react(), compress()],
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      "/v1": { target: api, ...sameOrigin, ws: true },
      "/docs": { target: api, ...sameOrigin },
      "/openapi.json": { target: api, ...sameOrigin },
    },
  },
  preview: { port: 5173, proxy: { "/v1": { target: api, ...sameOrigin, ws: true } } },
  build: {
    manifest: true,
    // Inlined, since data: URLs would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
