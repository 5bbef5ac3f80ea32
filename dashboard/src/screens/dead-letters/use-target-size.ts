import { useQuery } from "@tanstack/react-query";
import { countDeadLetters, type DeadLetterTarget } from "../../api/dead-letters.ts";
import { toApiError } from "../../api/errors.ts";

/**
 * Counts the dead letters of a target once, by a dry run. So the number that the user has to type stays the same
 * while the dialog is open.
 */
export function useTargetSize(
  queue: string,
  target: DeadLetterTarget,
): { size: number | null; problem: string | null; recount(): void } {
  const known = "ids" in target ? target.ids.length : null;
  const query = useQuery({
    queryKey: ["dry-run", queue, target] as const,
    queryFn: ({ signal }) => countDeadLetters(queue, target, signal),
    enabled: known === null,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return {
    size: known ?? query.data ?? null,
    problem: query.error === null ? null : toApiError(query.error).detail,
    recount: () => void query.refetch(),
  };
}
