import type { AlertMessageKind } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { type AlertNotification, notificationsQuery } from "../../api/alerts.ts";
import { useLive } from "../../live/live-context.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { Time } from "../../ui/time.tsx";
import { OutcomeBadge } from "./outcome-badge.tsx";

const KIND_TEXT: Record<AlertMessageKind, () => string> = {
  firing: () => t`Firing`,
  repeat: () => t`Still firing`,
  resolved: () => t`Resolved`,
  test: () => t`Test`,
};

/** Shows the messages that wait, and the newest sent ones with their outcome. */
export function NotificationsPanel() {
  const { paused } = useLive();
  const query = useQuery({ ...notificationsQuery(), refetchInterval: paused ? false : 5_000 });
  return (
    <section className="panel" aria-label={t`Recent messages`}>
      <div className="panel-head">
        <h2>{t`Recent messages`}</h2>
      </div>
      {query.data === undefined ? (
        query.isError ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading what={t`messages`} />
        )
      ) : query.data.length === 0 ? (
        <NoneYet title={t`No messages yet`}>
          <p>{t`Alert messages are listed here, each with the answer of its target.`}</p>
        </NoneYet>
      ) : (
        <div className="grid-table alert-messages" role="table" aria-label={t`Recent messages`}>
          <GridHead columns={[t`When`, t`Message`, t`Target`, t`Outcome`, t`Answer`]} hasActions={false} />
          <div role="rowgroup" className="grid-body">
            {query.data.map((notification) => (
              <MessageRow key={notification.id} notification={notification} />
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function MessageRow({ notification }: { notification: AlertNotification }) {
  const { message, target, outcome, attempts, nextAt, answer } = notification;
  const names = message.queues.map(({ queue }) => queue).join(", ");
  const more = message.more === 0 ? "" : t`, and ${message.more} more`;
  return (
    <div className="grid-row" role="row">
      <div className="cell" role="cell">
        <Time at={message.at} />
      </div>
      <div className="cell cell-wide" role="cell">
        <div className="wrap">
          {KIND_TEXT[message.kind]()}
          {message.rule === null ? null : <strong>: {message.rule}</strong>}
        </div>
        {names === "" ? null : <div className="hint wrap">{names + more}</div>}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Target`}</span>
        {target}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Outcome`}</span>
        <OutcomeBadge outcome={outcome} />
        {outcome === "delivered" && attempts === 1 ? null : (
          <div className="hint">
            <Plural value={attempts} one="# attempt" other="# attempts" />
            {nextAt === null || attempts === 0 ? null : (
              <Trans>
                , next <Time at={nextAt} />
              </Trans>
            )}
          </div>
        )}
      </div>
      <div className="cell cell-wide wrap" role="cell">
        <span className="label">{t`Answer`}</span>
        {answer === null ? <span className="zero">–</span> : <ForeignText text={answer} />}
      </div>
    </div>
  );
}
