import { defaultParseSearch, useLocation, useMatches } from "@tanstack/react-router";
import { type ScreenFacts, screenFacts } from "../screen-facts.ts";

interface Screen {
  facts: ScreenFacts;
  params: Record<string, string>;
  /** All fields of the address, even if the screen does not understand them. */
  raw: Record<string, unknown>;
}

/** Returns the properties of the current screen that the frame needs. */
export function useScreen(): Screen {
  const { routeId, fullPath, params } = useMatches({
    select: (matches) => {
      const { routeId, fullPath, params } = matches.at(-1) ?? { routeId: "", fullPath: "", params: {} };
      return { routeId, fullPath, params: params as Record<string, string> };
    },
    structuralSharing: true,
  });
  const text = useLocation({ select: ({ searchStr }) => searchStr });
  // If the address is unknown, only the root route matches.
  const facts = screenFacts(routeId === "__root__" ? "" : fullPath);
  return { facts, params, raw: defaultParseSearch(text) };
}
