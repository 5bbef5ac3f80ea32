import { writeFileSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type ProxyOptions } from "vite";
import { language } from "./dev/language.mjs";

// Where `pnpm dev` sends requests for /v1: to an observability service or to dev/mock-server.mjs.
const api = process.env.HOLDFAST_API ?? "http://127.0.0.1:3001";

// The service refuses requests from pages of another origin, and a page that Vite serves has another origin. So the
// proxy replaces the origin of requests from these pages by that of the service. Requests from other pages keep their
// origin.
const sameOrigin: ProxyOptions = {
  changeOrigin: true,
  configure(proxy) {
    for (const event of ["proxyReq", "proxyReqWs"] as const)
      proxy.on(event, (sent: ClientRequest, { headers: { origin, host } }: IncomingMessage) => {
        if (origin === `http://${host}`) sent.setHeader("origin", new URL(api).origin);
      });
  },
};

/**
 * Writes a compressed copy of each text file, for browsers that accept it. Files below 1 KiB get none, because it
 * would save too little.
 */
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
  // Addresses are relative to the <base> of the page, because a reverse proxy may serve the dashboard below a path.
  base: "./",
  plugins: [language(), react(), compress()],
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
    // Assets are not inlined, because data: URLs would need a Content-Security-Policy that allows more.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
