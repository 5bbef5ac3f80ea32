import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/errors.ts";
import { LiveProvider } from "./live/live-context.tsx";
import { router } from "./router.tsx";
import "./styles/index.css";
import { SessionGate } from "./session/session-context.tsx";
import { TimeProvider } from "./ui/time.tsx";
import { ToastProvider } from "./ui/toast.tsx";

const client = new QueryClient({
  defaultOptions: {
    // The service may be on this machine or in this network while the browser calls itself offline: asking tells.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 1_000,
      // A refusal stays a refusal; only a missing answer is worth a second try.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.unreachable,
    },
  },
});

// It has said where the service is, see api/base.ts; left there, "#main" would be another page.
document.querySelector("base")?.remove();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <ToastProvider>
        <SessionGate>
          <LiveProvider>
            <TimeProvider>
              <RouterProvider router={router} />
            </TimeProvider>
          </LiveProvider>
        </SessionGate>
      </ToastProvider>
    </QueryClientProvider>
  </StrictMode>,
);
