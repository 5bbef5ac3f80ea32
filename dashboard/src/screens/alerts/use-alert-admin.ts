import { t } from "@lingui/core/macro";
import { useSession } from "../../session/session-context.tsx";

/** Returns why this user may not change rules and targets, which concern all queues; null if the user may. */
export function useAlertAdmin(): string | null {
  const { session, denied } = useSession();
  const why = denied("admin");
  if (why !== null || session.queues === null) return why;
  const queues = session.queues.join(", ");
  return t`Your key is for ${queues} only, and alerts concern all queues.`;
}
