import { CircleGauge, CirclePause, CirclePlay } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Limit, LimitsView } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Banner } from "../../ui/banner.tsx";
import { Button } from "../../ui/button.tsx";
import { HeldBack, Until } from "./held-back.tsx";
import { HoldDialog } from "./hold-dialog.tsx";
import { fairText, limitParts, policyParts } from "./limit-text.ts";
import { LimitsDialog } from "./limits-dialog.tsx";

/** Shows the limits of the queue and of each key, and how they hold tasks back now. */
export function LimitsPanel({ view }: { view: LimitsView }) {
  const { queue, limits, running, heldUntil } = view;
  const { denied } = useSession();
  const [asking, setAsking] = useState<"hold" | "let go" | "edit" | null>(null);
  const close = () => setAsking(null);
  const most = limits.queue?.concurrency;
  const policy = policyParts(limits.key);
  const mayHold = denied("control", queue);
  return (
    <>
      {heldUntil === null ? null : (
        <Banner icon={CirclePause} tone="warn">
          <strong>
            Held until <Until at={heldUntil} />.
          </strong>{" "}
          No task starts until then. Tasks that already run continue.
        </Banner>
      )}
      <section className="panel" aria-label="Limits">
        <div className="panel-head">
          <h2>Limits</h2>
          <div className="actions">
            {heldUntil === null ? (
              <Button small denied={mayHold} onPress={() => setAsking("hold")}>
                <CirclePause size={13} aria-hidden="true" />
                Hold queue
              </Button>
            ) : (
              <Button small denied={mayHold} onPress={() => setAsking("let go")}>
                <CirclePlay size={13} aria-hidden="true" />
                End queue hold
              </Button>
            )}
            <Button small denied={denied("admin", queue)} onPress={() => setAsking("edit")}>
              <CircleGauge size={13} aria-hidden="true" />
              Change limits
            </Button>
          </div>
        </div>
        <div className="panel-body columns">
          <LimitFacts
            title="All tasks together"
            limit={limits.queue}
            running={
              most === undefined ? `${count(running)}, no limit` : `${count(running)} of ${count(most)}`
            }
            used={most === undefined ? null : running / most}
            weight="Weight of tasks without a key"
          >
            <dt>What holds it back</dt>
            <dd>
              <HeldBack view={view} limit={limits.queue} />
            </dd>
          </LimitFacts>
          <LimitFacts title="The tasks of each key" limit={limits.key} weight="Weight of a key">
            <dt>Order</dt>
            <dd>{policy.order}</dd>
            <dt>When full</dt>
            <dd>{policy.whenFull}</dd>
            <dt>Most waiting</dt>
            <dd>{policy.maxWaiting}</dd>
            <dt>Keys share</dt>
            <dd>{fairText(limits)}</dd>
          </LimitFacts>
        </div>
      </section>
      {asking === "hold" || asking === "let go" ? (
        <HoldDialog queue={queue} of={{}} held={asking === "let go"} onClose={close} />
      ) : null}
      {asking === "edit" ? <LimitsDialog view={view} onClose={close} /> : null}
    </>
  );
}

interface LimitFactsProps {
  title: string;
  limit: Limit | undefined;
  /** How many tasks run, and how many may run. */
  running?: string;
  /** The share of the concurrency that is used; null if there is no limit. */
  used?: number | null;
  weight: string;
  children?: ReactNode;
}

function LimitFacts({ title, limit, running, used = null, weight, children }: LimitFactsProps) {
  const parts = limitParts(limit);
  return (
    <div className="limit-facts tone-processing">
      <h3>{title}</h3>
      <dl className="facts">
        <dt>{running === undefined ? "At one time" : "Running"}</dt>
        <dd>
          {running ?? parts.concurrency}
          {used === null ? null : (
            <div className="bar bar-slots" aria-hidden="true">
              <div style={{ width: `${Math.min(1, used) * 100}%` }} />
            </div>
          )}
        </dd>
        <dt>Rate</dt>
        <dd>{parts.rate}</dd>
        <dt>{weight}</dt>
        <dd>{parts.weight}</dd>
        {children}
      </dl>
    </div>
  );
}
