import type { QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { getRouteApi, Link, Outlet } from "@tanstack/react-router";
import { CirclePause, CirclePlay } from "lucide-react";
import { useState } from "react";
import { pauseQueue, resumeQueue } from "../../api/queues.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useQueueStats } from "../../live/use-queue-stats.ts";
import { useSession } from "../../session/session-context.tsx";
import { Banner } from "../../ui/banner.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { QueueBadges } from "../overview-page.tsx";
import { PauseDialog } from "./pause-dialog.tsx";

const route = getRouteApi("/queues/$queue");

export function QueueLayout() {
  const { queue } = route.useParams();
  const { figures, error } = useLive();
  const { say, fail } = useToasts();
  const { denied, session } = useSession();
  const [pausing, setPausing] = useState(false);
  const { stats, exists } = useQueueStats(queue);

  if (stats === undefined && exists === null)
    return error === null || figures.queues !== null ? (
      <Loading what={t`the queue`} />
    ) : (
      <Failed error={error} page />
    );
  if (stats === undefined) {
    return (
      <section className="panel">
        <NoneYet title={t`This queue does not exist yet`} page>
          <p>
            <Trans>
              No task has been enqueued into <strong className="mono">{queue}</strong> yet, or it was deleted
              since.
            </Trans>
          </p>
          <Link className="button" to="/load" search={{ queue }}>
            {t`Inject its first task`}
          </Link>
        </NoneYet>
      </section>
    );
  }
  const held =
    stats.pending + stats.processing + stats.scheduled + stats.completed + stats.cancelled + stats.expired;
  const resume = () =>
    resumeQueue(queue).then(
      () =>
        say(
          () => t`${queue} resumed`,
          () => t`The figures follow within a second.`,
        ),
      (cause: unknown) => fail(() => t`The queue was not resumed`, cause),
    );
  return (
    <>
      <div className="page-head">
        <h1>{queue}</h1>
        <QueueBadges stats={stats} />
        <div className="actions">
          {stats.paused ? (
            <Button denied={denied("control", queue)} onPress={() => void resume()}>
              <CirclePlay size={15} aria-hidden="true" />
              {t`Resume`}
            </Button>
          ) : (
            <Button denied={denied("control", queue)} onPress={() => setPausing(true)}>
              <CirclePause size={15} aria-hidden="true" />
              {t`Pause`}
            </Button>
          )}
          <Link className="button" to="/load" search={{ queue }}>
            {session.demoLoad ? t`Inject or burst` : t`Inject a task`}
          </Link>
        </div>
      </div>
      {stats.paused ? (
        <Banner icon={CirclePause} tone="warn">
          <PausedSince stats={stats} />{" "}
          <Trans>Workers finish their tasks and acquire no more; enqueues are still accepted.</Trans>
        </Banner>
      ) : null}
      <nav className="tabs" aria-label={t`Views of ${queue}`}>
        <Link to="/queues/$queue" params={{ queue }} activeOptions={{ exact: true, includeSearch: false }}>
          {t`Overview`}
        </Link>
        <Link to="/queues/$queue/tasks" params={{ queue }} activeOptions={{ includeSearch: false }}>
          {t`Tasks`} <span className="nav-count">{count(held)}</span>
        </Link>
        <Link to="/queues/$queue/dead-letters" params={{ queue }} activeOptions={{ includeSearch: false }}>
          {t`Dead letters`} <span className="nav-count">{count(stats.dead)}</span>
        </Link>
        <Link to="/queues/$queue/flows" params={{ queue }} activeOptions={{ includeSearch: false }}>
          {t`Flows`} {stats.flows === 0 ? null : <span className="nav-count">{count(stats.flows)}</span>}
        </Link>
        <Link to="/queues/$queue/limits" params={{ queue }} activeOptions={{ includeSearch: false }}>
          {t`Limits`}
        </Link>
        <Link to="/queues/$queue/events" params={{ queue }} activeOptions={{ includeSearch: false }}>
          {t`Events`}
        </Link>
      </nav>
      <Outlet />
      {pausing ? (
        <PauseDialog
          queue={queue}
          onPause={async (reason) => {
            await pauseQueue(queue, reason);
            say(() => t`${queue} paused`);
          }}
          onClose={() => setPausing(false)}
        />
      ) : null}
    </>
  );
}

/** Shows who paused the queue, when and why, as far as that was recorded. */
function PausedSince({ stats }: { stats: QueueStats }) {
  const { pausedBy, pausedAt, pauseReason } = stats;
  return (
    <>
      <strong>{t`Paused`}</strong>
      {pausedBy === null ? null : (
        <Trans>
          {" "}
          by{" "}
          <strong>
            <ForeignText text={pausedBy} />
          </strong>
        </Trans>
      )}
      {pausedAt === null ? null : (
        <>
          {", "}
          <Time at={pausedAt} />
        </>
      )}
      {pauseReason === null || pauseReason === "" ? (
        t`, without a reason.`
      ) : (
        <>
          {": "}
          <ForeignText text={pauseReason} />.
        </>
      )}
    </>
  );
}
