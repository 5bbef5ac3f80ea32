import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// The test files share one window, so each test takes back what it put there.
afterEach(() => {
  if (typeof window === "undefined") return;
  cleanup();
  vi.unstubAllGlobals();
  localStorage.clear();
});
