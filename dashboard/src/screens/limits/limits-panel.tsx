import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
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

/** Shows the limits of the queue and of each key, and which tasks they hold back now. */
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
          <Trans>
            <strong>
              Held until <Until at={heldUntil} />.
            </strong>{" "}
            No task starts until then. Tasks that already run continue.
          </Trans>
        </Banner>
      )}
      <section className="panel" aria-label={t`Limits`}>
        <div className="panel-head">
          <h2>{t`Limits`}</h2>
          <div className="actions">
            {heldUntil === null ? (
              <Button small denied={mayHold} onPress={() => setAsking("hold")}>
                <CirclePause size={13} aria-hidden="true" />
                {t`Hold queue`}
              </Button>
            ) : (
              <Button small denied={mayHold} onPress={() => setAsking("let go")}>
                <CirclePlay size={13} aria-hidden="true" />
                {t`End queue hold`}
              </Button>
            )}
            <Button small denied={denied("admin", queue)} onPress={() => setAsking("edit")}>
              <CircleGauge size={13} aria-hidden="true" />
              {t`Change limits`}
            </Button>
          </div>
        </div>
        <div className="panel-body columns">
          <LimitFacts
            title={t`All tasks together`}
            limit={limits.queue}
            running={
              most === undefined ? t`${count(running)}, no limit` : t`${count(running)} of ${count(most)}`
            }
            used={most === undefined ? null : running / most}
            weight={t`Weight of tasks without a key`}
          >
            <dt>{t`What holds it back`}</dt>
            <dd>
              <HeldBack view={view} limit={limits.queue} />
            </dd>
          </LimitFacts>
          <LimitFacts title={t`The tasks of each key`} limit={limits.key} weight={t`Weight of a key`}>
            <dt>{t`Order`}</dt>
            <dd>{policy.order}</dd>
            <dt>{t`When full`}</dt>
            <dd>{policy.whenFull}</dd>
            <dt>{t`Most waiting`}</dt>
            <dd>{policy.maxWaiting}</dd>
            <dt>{t`Keys share`}</dt>
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
  /** The used part of the concurrency limit, 0 to 1; null if there is no such limit. */
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
        <dt>{running === undefined ? t`At one time` : t`Running`}</dt>
        <dd>
          {running ?? parts.concurrency}
          {used === null ? null : (
            <div className="bar bar-slots" aria-hidden="true">
              <div style={{ width: `${Math.min(1, used) * 100}%` }} />
            </div>
          )}
        </dd>
        <dt>{t`Rate`}</dt>
        <dd>{parts.rate}</dd>
        <dt>{weight}</dt>
        <dd>{parts.weight}</dd>
        {children}
      </dl>
    </div>
  );
}
