import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/errors.ts";
import { languageChoice, showLanguage } from "./language/choice.ts";
import { InLanguage } from "./language/in-language.tsx";
import { LiveProvider } from "./live/live-context.tsx";
import { router } from "./router.tsx";
import "./styles/index.css";
import { SessionGate } from "./session/session-context.tsx";
import { TimeProvider } from "./ui/time.tsx";
import { ToastProvider } from "./ui/toast.tsx";

const client = new QueryClient({
  defaultOptions: {
    // Without internet, a browser considers itself offline. But the service may be on this machine or in its network.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 1_000,
      // A refused request would be refused again. So only requests without an answer are repeated.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.unreachable,
    },
  },
});

// api/base.ts has already read the <base>. With the <base>, a link to "#main" would lead to another page.
document.querySelector("base")?.remove();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

// The page is rendered after the texts of its language are loaded.
await showLanguage(languageChoice());

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <ToastProvider>
        <SessionGate>
          <LiveProvider>
            <TimeProvider>
              <InLanguage>
                <RouterProvider router={router} />
              </InLanguage>
            </TimeProvider>
          </LiveProvider>
        </SessionGate>
      </ToastProvider>
    </QueryClientProvider>
  </StrictMode>,
);
