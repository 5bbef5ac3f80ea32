import type { QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { OctagonX, TriangleAlert } from "lucide-react";
import { firstTaskQuery } from "../api/tasks.ts";
import { plainText } from "../format/foreign-text.ts";
import { count } from "../format/number.ts";
import { useLive } from "../live/live-context.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";
import { Badge, DEAD_REASON_TEXT } from "../ui/status.tsx";
import { Time } from "../ui/time.tsx";
import { sortQueues, troubledQueues, waitingWithoutWorkers } from "./rank.ts";

/** The most queues that the panel names, because each of them needs a request every five seconds. */
const NAMED_QUEUES = 5;
const SHOWN_CHARACTERS = 200;

/** Shows the queues that need attention, worst first, each with the error of its newest dead letter. */
export function TroublePanel() {
  const { figures } = useLive();
  const { queues, workers } = figures;
  const troubled = troubledQueues(queues ?? [], workers);
  if (troubled.length === 0) return null;
  const more = troubled.length - NAMED_QUEUES;
  return (
    <section className="panel trouble tone-dead" aria-labelledby="trouble">
      <h2 id="trouble">
        <OctagonX size={17} aria-hidden="true" />
        <Plural value={troubled.length} one="# queue needs attention" other="# queues need attention" />
      </h2>
      <ul>
        {sortQueues(troubled, workers, "worst")
          .slice(0, NAMED_QUEUES)
          .map((stats) => (
            <TroubledQueue key={stats.queue} stats={stats} />
          ))}
      </ul>
      {more > 0 ? (
        <p className="hint">
          <Trans>{count(more)} more: see the top of the list of queues.</Trans>
        </p>
      ) : null}
    </section>
  );
}

function TroubledQueue({ stats }: { stats: QueueStats }) {
  const { queue, dead, pending } = stats;
  const { figures } = useLive();
  const unworked = waitingWithoutWorkers([stats], figures.workers).length > 0;
  return (
    <li>
      <Link className="trouble-queue" to="/queues/$queue" params={{ queue }}>
        {queue}
      </Link>
      <span className="trouble-words">
        {dead === 0 ? null : (
          <Badge icon={OctagonX} tone="dead">
            <Plural value={dead} one="# dead letter" other="# dead letters" />
          </Badge>
        )}
        {unworked ? (
          <Badge icon={TriangleAlert} tone="dead">
            <Trans>No workers, {count(pending)} waiting</Trans>
          </Badge>
        ) : null}
      </span>
      {dead === 0 ? null : <NewestDeath queue={queue} />}
    </li>
  );
}

/** Shows the error of the task that died last, as a link to that task. */
function NewestDeath({ queue }: { queue: string }) {
  const { paused } = useLive();
  const { data: task } = useQuery({
    ...firstTaskQuery(queue, "dead"),
    refetchInterval: paused ? false : 5_000,
  });
  if (task === undefined || task === null) return <span className="trouble-death" />;
  const [firstLine = ""] = (task.lastError ?? "").split("\n", 1);
  const why = firstLine || (task.deadReason === null ? t`No error` : DEAD_REASON_TEXT[task.deadReason]());
  return (
    <span className="trouble-death">
      <span className="hint">{t`newest`}</span>
      <Link
        className="mono clip"
        to="/queues/$queue/tasks/$id"
        params={{ queue, id: task.id }}
        title={plainText(why)}
      >
        <ForeignText text={why.slice(0, SHOWN_CHARACTERS)} />
      </Link>
      {task.endedAt === null ? null : <Time at={task.endedAt} />}
    </span>
  );
}
