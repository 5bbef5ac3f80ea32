import { t } from "@lingui/core/macro";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo } from "react";
import { onUnauthorized } from "../api/http.ts";
import { logOut, type Scope, type Session, sessionKey, sessionQuery } from "../api/session.ts";
import { Failed, Loading } from "../ui/empty.tsx";
import { LoginPage } from "./login-page.tsx";

interface SessionChoice {
  session: Session;
  /** Returns why an action is not allowed, as a text for the user; null if it is allowed. */
  denied(scope: Scope, queue?: string | undefined): string | null;
  leave(): Promise<void>;
}

const SessionContext = createContext<SessionChoice | null>(null);

const INCLUDED: Record<Scope, readonly Scope[]> = {
  admin: ["admin", "control", "read", "enqueue", "work"],
  control: ["control", "read"],
  read: ["read"],
  enqueue: ["enqueue"],
  work: ["work"],
};

const NEEDED: Record<Scope, () => string> = {
  read: () => t`read tasks`,
  enqueue: () => t`enqueue tasks`,
  work: () => t`run tasks`,
  control: () => t`change anything`,
  admin: () => t`do this`,
};

function deniedBy(session: Session, scope: Scope, queue?: string): string | null {
  if (session.readOnly && scope !== "read") return t`This dashboard is read-only (READ_ONLY is set).`;
  const allowed = session.scopes.some((held) => INCLUDED[held].includes(scope));
  if (!allowed) return t`Your role, ${session.role}, may not ${NEEDED[scope]()}.`;
  if (queue !== undefined && session.queues !== null && !session.queues.includes(queue))
    return t`Your key is for ${session.queues.join(", ")} only.`;
  return null;
}

const RETRY_MS = 3_000;

/**
 * Shows only the log-in screen while nobody is logged in. The address does not change, so the same screen appears
 * after the log-in.
 */
export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const {
    data: session,
    error,
    refetch,
  } = useQuery({
    ...sessionQuery(),
    // If the server did not answer when the page was opened, the page asks again until it answers.
    refetchInterval: ({ state }) => (state.data === undefined && state.status === "error" ? RETRY_MS : false),
  });

  useEffect(
    () =>
      onUnauthorized(() => {
        const known = client.getQueryData<Session>(sessionKey);
        // The next user must not see the data that was loaded for the previous user.
        if (known?.authenticated === true) {
          client.setQueryData(sessionKey, { ...known, authenticated: false });
          client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
        }
      }),
    [client],
  );
  const leave = useCallback(async () => {
    await logOut();
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
    await client.invalidateQueries({ queryKey: sessionKey });
  }, [client]);
  const choice = useMemo<SessionChoice | null>(
    () =>
      session === undefined
        ? null
        : { session, denied: (scope, queue) => deniedBy(session, scope, queue), leave },
    [session, leave],
  );

  if (choice === null) {
    return error === null ? (
      <Loading what={t`the dashboard`} />
    ) : (
      <main className="gate">
        <Failed error={error} onRetry={() => void refetch()} page />
      </main>
    );
  }
  if (!choice.session.authenticated) return <LoginPage environment={choice.session.environment} />;
  return <SessionContext value={choice}>{children}</SessionContext>;
}

export function useSession(): SessionChoice {
  const choice = use(SessionContext);
  if (choice === null) throw new Error("useSession needs a SessionGate above it");
  return choice;
}
