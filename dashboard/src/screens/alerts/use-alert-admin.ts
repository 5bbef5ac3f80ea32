import { useSession } from "../../session/session-context.tsx";

/** Returns why this user may not change rules and targets; null if the user may. They concern all queues. */
export function useAlertAdmin(): string | null {
  const { session, denied } = useSession();
  const why = denied("admin");
  if (why !== null || session.queues === null) return why;
  return `Your key is for ${session.queues.join(", ")} only, and alerts concern all queues.`;
}
