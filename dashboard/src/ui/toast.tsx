import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { CircleCheck, TriangleAlert, X } from "lucide-react";
import { createContext, type ReactNode, use, useCallback, useMemo, useState } from "react";
import { toApiError } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { ForeignText } from "./foreign-text.tsx";

/**
 * Returns a text in the current language. It is a function, because the language can change while a toast (a short
 * message) is open.
 */
type Text<Nothing = never> = () => string | Nothing;

export interface Toast {
  id: number;
  tone: "good" | "warn" | "bad";
  title: Text;
  detail: Text<undefined> | null;
  /** The error to show; null if the toast shows no error. */
  error: unknown;
  action: ToastAction | null;
}

export interface ToastAction {
  text: Text;
  run(): void;
}

interface Toasts {
  toasts: Toast[];
  say(title: Text, detail?: Text<undefined>, action?: ToastAction): void;
  /** Shows a warning that something was not done, although no request failed. */
  warn(title: Text, detail?: Text<undefined>): void;
  /** Shows an error with its cause, what to do, and the request id. */
  fail(title: Text, error: unknown): void;
  dismiss(id: number): void;
}

const ToastContext = createContext<Toasts | null>(null);

/** How long a toast stays, ms. An error stays until the user closes it. */
const GOOD_MS = 5_000;
/** How long a toast with a button stays, ms. It is longer, so that the user has time to decide. */
const ACTION_MS = 20_000;
const TONES = { good: "completed", warn: "warn", bad: "dead" } as const;
let nextId = 1;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const dismiss = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback(
    (toast: Omit<Toast, "id">) => {
      const id = nextId++;
      setToasts((all) => [...all.slice(-3), { ...toast, id }]);
      if (toast.tone !== "bad")
        setTimeout(() => dismiss(id), toast.tone === "good" && toast.action === null ? GOOD_MS : ACTION_MS);
    },
    [dismiss],
  );
  const value = useMemo<Toasts>(
    () => ({
      toasts,
      dismiss,
      say: (title, detail, action) =>
        add({ tone: "good", title, detail: detail ?? null, error: null, action: action ?? null }),
      warn: (title, detail) =>
        add({ tone: "warn", title, detail: detail ?? null, error: null, action: null }),
      fail: (title, error) => add({ tone: "bad", title, detail: null, error, action: null }),
    }),
    [toasts, dismiss, add],
  );
  return <ToastContext value={value}>{children}</ToastContext>;
}

export function useToasts(): Toasts {
  const toasts = use(ToastContext);
  if (toasts === null) throw new Error("useToasts needs a ToastProvider above it");
  return toasts;
}

export function ToastCards() {
  const { toasts, dismiss } = useToasts();
  return (
    <div role="status" aria-live="polite" style={{ display: "grid", gap: "0.5rem" }}>
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} onDismiss={() => dismiss(toast.id)} />
      ))}
    </div>
  );
}

function ToastCard({ toast, onDismiss }: { toast: Toast; onDismiss(): void }) {
  const { tone, action } = toast;
  const failure = tone === "bad" ? toApiError(toast.error) : null;
  const detail = failure === null ? toast.detail?.() : failure.detail;
  return (
    <div className={`card tone-${TONES[tone]}`}>
      <div className="card-head">
        {tone === "good" ? (
          <CircleCheck size={17} color="var(--tone)" aria-hidden="true" />
        ) : (
          <TriangleAlert size={17} color="var(--tone)" aria-hidden="true" />
        )}
        <div>
          <strong>{toast.title()}</strong>
          {detail === undefined ? null : (
            <p className="small">
              <ForeignText text={detail} />
            </p>
          )}
          {failure?.remedy ? <p className="small soft">{failure.remedy}</p> : null}
          {failure?.requestId ? (
            <p className="hint mono">
              <Trans>request {failure.requestId}</Trans>
            </p>
          ) : null}
        </div>
        {action === null ? null : (
          <Button
            small
            onPress={() => {
              action.run();
              onDismiss();
            }}
          >
            {action.text()}
          </Button>
        )}
        <Button look="quiet" small aria-label={t`Dismiss`} onPress={onDismiss}>
          <X size={14} aria-hidden="true" />
        </Button>
      </div>
    </div>
  );
}
