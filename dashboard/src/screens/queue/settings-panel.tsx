import type { QueueSettings, QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Settings2 } from "lucide-react";
import { useState } from "react";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { SettingsDialog } from "./settings-dialog.tsx";

const DURABILITY_TEXT = {
  memory: () => t`in the memory of Redis`,
  fsynced: () => t`on disk before the answer`,
  replicated: () => t`on a replica before the answer`,
} as const;

/** Describes how many dead letters are kept and for how long, such as "at most 10,000, for 30 d". */
function deadCapsText({ maxDead, maxDeadAgeMs }: QueueSettings): string {
  if (maxDead === 0 && maxDeadAgeMs === 0) return t`until an operator acts`;
  const most = maxDead === 0 ? [] : [t`at most ${count(maxDead)}`];
  return [...most, ...(maxDeadAgeMs === 0 ? [] : [t`for ${duration(maxDeadAgeMs)}`])].join(", ");
}

export function SettingsPanel({ stats }: { stats: QueueStats }) {
  const { denied } = useSession();
  const [editing, setEditing] = useState(false);
  const { settings } = stats;
  return (
    <section className="panel" aria-label={t`Settings`}>
      <div className="panel-head">
        <h2>{t`Settings`}</h2>
        <Button small denied={denied("admin", stats.queue)} onPress={() => setEditing(true)}>
          <Settings2 size={13} aria-hidden="true" />
          {t`Change`}
        </Button>
      </div>
      <dl className="panel-body facts">
        <dt>{t`Most waiting`}</dt>
        <dd>{settings.maxWaiting === 0 ? t`no cap` : count(settings.maxWaiting)}</dd>
        <dt>{t`Ended tasks kept`}</dt>
        <dd>
          <Trans>
            {duration(settings.retentionMs)}, at most {count(settings.retentionCount)} of each state
          </Trans>
        </dd>
        <dt>{t`Dead letters kept`}</dt>
        <dd>{deadCapsText(settings)}</dd>
        <dt>{t`Ids remembered`}</dt>
        <dd>
          <Trans>{duration(settings.idempotencyMs)} after the task ended</Trans>
        </dd>
        <dt>{t`Durability`}</dt>
        <dd>{DURABILITY_TEXT[settings.durability]()}</dd>
        <dt>{t`Events kept`}</dt>
        <dd>{settings.maxEvents === 0 ? t`none` : t`the last ${count(settings.maxEvents)}`}</dd>
        {stats.partitions === null ? null : (
          <>
            <dt>{t`Partitions`}</dt>
            <dd>{count(stats.partitions)}</dd>
          </>
        )}
        <dt>{t`Waiting to run alone`}</dt>
        <dd>{count(stats.pendingSolo)}</dd>
      </dl>
      {editing ? <SettingsDialog stats={stats} onClose={() => setEditing(false)} /> : null}
    </section>
  );
}
