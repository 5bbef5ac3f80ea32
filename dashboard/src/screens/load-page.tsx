import { isQueueName } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { getRouteApi } from "@tanstack/react-router";
import { useQueueStats } from "../live/use-queue-stats.ts";
import { useSession } from "../session/session-context.tsx";
import { QueueField } from "../ui/queue-field.tsx";
import { useDraft } from "../ui/use-draft.ts";
import { BurstPanel } from "./load/burst-panel.tsx";
import { InjectPanel } from "./load/inject-panel.tsx";
import { LiveCharts } from "./queue/live-charts.tsx";

const route = getRouteApi("/load");

export function LoadPage() {
  const { queue = "default" } = route.useSearch();
  const navigate = route.useNavigate();
  const { session } = useSession();
  const field = useDraft(queue);
  const draft = field.text;
  const valid = isQueueName(draft);
  const { exists } = useQueueStats(draft);
  const choose = (next: string) => {
    if (!isQueueName(next)) {
      field.type(next);
      return;
    }
    field.send(next);
    void navigate({ search: next === "default" ? {} : { queue: next }, replace: true });
  };
  return (
    <>
      <div className="page-head">
        <h1>{t`Load`}</h1>
      </div>
      <div style={{ maxWidth: "26rem" }}>
        <QueueField label={t`Queue`} value={draft} onChange={choose} maker={t`the first task`} />
      </div>
      <div className="columns">
        <InjectPanel queue={valid ? draft : null} />
        {session.demoLoad ? <BurstPanel queue={valid ? draft : null} /> : <NoDemoLoad />}
      </div>
      {exists === true ? <LiveCharts queue={draft} spanMs={60_000} /> : null}
    </>
  );
}

/** Shown instead of the burst panel in an installation with real tasks. */
function NoDemoLoad() {
  const { session } = useSession();
  return (
    <section className="panel" aria-label={t`Demo load`}>
      <div className="panel-head">
        <h2>{t`No demo load here`}</h2>
      </div>
      <div className="panel-body">
        <p className="soft">
          <Trans>
            Bursts of demo tasks are off, because this environment is called{" "}
            <strong>{session.environment}</strong>. They run only where <code>ENVIRONMENT</code> is empty or{" "}
            <code>development</code>.
          </Trans>
        </p>
      </div>
    </section>
  );
}
