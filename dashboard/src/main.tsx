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
    // Without internet, a browser considers itself offline. The service may still be reachable, on this machine or in
    // its network.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 1_000,
      // A refused request would be refused again. So a request is repeated only if it got no answer.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.unreachable,
    },
  },
});

// The <base> is not needed any more, because api/base.ts has read it. With a <base>, a link to "#main" would lead to
// another page.
document.querySelector("base")?.remove();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

// The texts of the language have to be loaded before the page is rendered.
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
