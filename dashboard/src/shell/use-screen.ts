import { defaultParseSearch, useLocation, useMatches } from "@tanstack/react-router";
import { type ScreenFacts, screenFacts } from "../screen-facts.ts";

interface Screen {
  facts: ScreenFacts;
  params: Record<string, string>;
  /** The address as given, before the screen took the parts that it understands. */
  raw: Record<string, unknown>;
}

/** The present screen, as far as the frame knows it. */
export function useScreen(): Screen {
  const { routeId, fullPath, params } = useMatches({
    select: (matches) => {
      const { routeId, fullPath, params } = matches.at(-1) ?? { routeId: "", fullPath: "", params: {} };
      return { routeId, fullPath, params: params as Record<string, string> };
    },
    structuralSharing: true,
  });
  const text = useLocation({ select: ({ searchStr }) => searchStr });
  // If there is no such screen, only the root matches.
  const facts = screenFacts(routeId === "__root__" ? "" : fullPath);
  return { facts, params, raw: defaultParseSearch(text) };
}
