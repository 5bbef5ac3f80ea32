import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Ban, CircleCheck, Clock3, Download, OctagonX, ShieldX } from "lucide-react";
import type { FormEvent } from "react";
import { type AuditRecord, auditExportUrl, auditQuery } from "../../api/audit.ts";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { auditSearch } from "../../search.ts";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { Failed, Loading, NoneMatch, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Badge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useDraft } from "../../ui/use-draft.ts";
import { ACTION_TEXT, actionText } from "./action-text.ts";

const route = getRouteApi("/audit");

const OUTCOME = {
  succeeded: { icon: CircleCheck, tone: "completed", text: () => t`Done` },
  accepted: { icon: Clock3, tone: "processing", text: () => t`Accepted` },
  refused: { icon: ShieldX, tone: "warn", text: () => t`Refused` },
  failed: { icon: OctagonX, tone: "dead", text: () => t`Failed` },
  cancelled: { icon: Ban, tone: "quiet", text: () => t`Cancelled` },
} as const;

export function AuditPage() {
  return (
    <KnownSearch>
      <AuditLog />
    </KnownSearch>
  );
}

function AuditLog() {
  const search = route.useSearch();
  const { action: _action, ...words } = search;
  const navigate = route.useNavigate();
  const { figures, paused } = useLive();
  const actor = useDraft(search.actor ?? "");
  const queue = useDraft(search.queue ?? "");
  const query = useInfiniteQuery({ ...auditQuery(search), refetchInterval: paused ? false : 10_000 });
  const records = (query.data?.pages ?? []).flatMap((page) => page.records);
  const filtered = Object.keys(search).length > 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = { ...search, actor: actor.text.trim(), queue: queue.text.trim() };
    actor.send(next.actor);
    queue.send(next.queue);
    void navigate({ search: Object.fromEntries(Object.entries(next).filter(([, value]) => value !== "")) });
  };
  return (
    <>
      <div className="page-head">
        <h1>{t`Audit`}</h1>
        <p className="soft small">{t`Who did what, newest first`}</p>
        <div className="actions">
          <a className="button" href={auditExportUrl(search)} download>
            <Download size={14} aria-hidden="true" />
            {t`Export NDJSON`}
          </a>
        </div>
      </div>
      <form className="filters" role="search" onSubmit={submit}>
        <input
          className="input"
          type="search"
          data-search=""
          aria-label={t`Actor, the exact name`}
          placeholder={t`Actor, exact`}
          value={actor.text}
          onChange={(event) => actor.type(event.target.value)}
        />
        <input
          className="input"
          type="search"
          aria-label={t`Queue, the exact name`}
          placeholder={t`Queue, exact`}
          list="audit-queues"
          value={queue.text}
          onChange={(event) => queue.type(event.target.value)}
        />
        <datalist id="audit-queues">
          {(figures.queues ?? []).map(({ queue }) => (
            <option key={queue} value={queue} />
          ))}
        </datalist>
        <select
          className="input"
          aria-label={t`Action`}
          value={search.action ?? ""}
          onChange={(event) => {
            void navigate({
              search: auditSearch({ ...words, action: event.target.value }),
            });
          }}
        >
          <option value="">{t`Any action`}</option>
          {Object.entries(ACTION_TEXT).map(([action, text]) => (
            <option key={action} value={action}>
              {text()}
            </option>
          ))}
        </select>
        <Button type="submit">{t`Apply`}</Button>
        {filtered ? (
          <Button look="quiet" onPress={() => void navigate({ search: {} })}>
            {t`Clear filters`}
          </Button>
        ) : null}
      </form>
      <section className="panel" aria-label={t`Audit records`}>
        {query.isPending ? (
          <Loading what={t`the audit log`} />
        ) : query.isError && records.length === 0 ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : records.length === 0 && !query.hasNextPage ? (
          filtered ? (
            <NoneMatch what={t`records`} onClear={() => void navigate({ search: {} })} />
          ) : (
            <NoneYet title={t`No actions yet`}>
              <p>
                <Trans>
                  Every pause, replay, discard, cancel and change of a setting will be listed here.
                </Trans>
              </p>
            </NoneYet>
          )
        ) : (
          <div className="grid-table audit" role="table" aria-label={t`Audit records, newest first`}>
            <div role="rowgroup">
              <div className="grid-row grid-head" role="row">
                {[t`When`, t`Who`, t`Did`, t`Queue`, t`Tasks`, t`Outcome`, t`Reason`].map((text) => (
                  <div key={text} role="columnheader" className={text === t`Tasks` ? "cell num" : "cell"}>
                    {text}
                  </div>
                ))}
              </div>
            </div>
            <div role="rowgroup" className="grid-body">
              {records.map((record) => (
                <Row
                  key={`${record.at} ${record.requestId} ${record.action} ${record.outcome}`}
                  record={record}
                />
              ))}
            </div>
          </div>
        )}
        {query.hasNextPage ? (
          <div className="list-foot">
            <span>
              <Trans>{count(records.length)} loaded</Trans>
            </span>
            <Button small isDisabled={query.isFetching} onPress={() => void query.fetchNextPage()}>
              {query.isFetchingNextPage ? t`Loading…` : t`Load more`}
            </Button>
          </div>
        ) : null}
      </section>
    </>
  );
}

function Row({ record }: { record: AuditRecord }) {
  const look = OUTCOME[record.outcome];
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-half" role="cell">
        <Time at={record.at} />
      </div>
      <div className="cell cell-half" role="cell">
        <div className="clip" title={plainText(record.actor)}>
          <ForeignText text={record.actor} />
        </div>
        <div className="hint clip" title={record.from ?? ""}>
          {[record.role, record.from].filter((part) => part != null && part !== "").join(", ")}
        </div>
      </div>
      <div className="cell cell-half clip" role="cell">
        {actionText(record.action)}
      </div>
      <div className="cell cell-half" role="cell">
        {record.queue === null ? (
          <span className="zero">{t`none`}</span>
        ) : (
          <Link to="/queues/$queue" params={{ queue: record.queue }}>
            {record.queue}
          </Link>
        )}
        {record.subject === null ? null : (
          <div className="hint clip mono" title={record.subject}>
            {record.subject}
          </div>
        )}
      </div>
      <div className="cell num" role="cell">
        <span className="label">{t`Tasks`}</span>
        {record.count === 0 ? <span className="zero">0</span> : count(record.count)}
      </div>
      <div className="cell cell-half" role="cell">
        <Badge icon={look.icon} tone={look.tone}>
          {look.text()}
        </Badge>
        {record.operationId === null ? null : (
          <Link className="hint op-link" to="/operations" search={{ id: record.operationId }}>
            {t`operation`}
          </Link>
        )}
      </div>
      <div className="cell cell-wide" role="cell">
        {record.reason === null ? null : (
          <div className="wrap">
            <ForeignText text={record.reason} />
          </div>
        )}
        <div className="hint clip mono" title={record.requestId ?? ""}>
          {[record.code, record.requestId].filter((part) => part !== null).join(" · ")}
        </div>
      </div>
    </div>
  );
}
