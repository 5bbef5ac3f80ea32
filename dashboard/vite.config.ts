import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where `pnpm dev` sends /v1: an observability service, or dev/mock-server.mjs.
const api = process.env.HOLDFAST_API ?? "http://127.0.0.1:3001";

export default defineConfig({
  plugins: [react()],
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      "/v1": { target: api, changeOrigin: true, ws: true },
      "/docs": { target: api, changeOrigin: true },
      "/openapi.json": { target: api, changeOrigin: true },
    },
  },
  preview: { port: 5173, proxy: { "/v1": { target: api, changeOrigin: true, ws: true } } },
  build: {
    manifest: true,
    // Inlined data: URLs would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
