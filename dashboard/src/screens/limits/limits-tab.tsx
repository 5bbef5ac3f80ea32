import { isTaskKey } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { BASE_PATH } from "../../api/base.ts";
import { keysQuery, limitsQuery, oneKeyQuery, type QueueLimits, type TaskKeyView } from "../../api/limits.ts";
import { useLive } from "../../live/live-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { Segments } from "../../ui/segments.tsx";
import { useDraft } from "../../ui/use-draft.ts";
import { HeaviestKeys } from "./heaviest-keys.tsx";
import { type AskedKey, KeyDialog } from "./key-dialog.tsx";
import { KeyTable } from "./key-table.tsx";
import { LimitsPanel } from "./limits-panel.tsx";
import { SharedLimitsPanel } from "./shared-limits-panel.tsx";
import { TypesPanel } from "./types-panel.tsx";

const route = getRouteApi("/queues/$queue/limits");

/** How often the open screen fetches its data again, ms. */
const REFETCH_MS = 2_000;

export function LimitsTab() {
  return (
    <KnownSearch>
      <LimitsScreen />
    </KnownSearch>
  );
}

function LimitsScreen() {
  const { queue } = route.useParams();
  const { key = "" } = route.useSearch();
  const { paused } = useLive();
  const [asked, setAsked] = useState<AskedKey | null>(null);
  const limits = useQuery({ ...limitsQuery(queue), refetchInterval: paused ? false : REFETCH_MS });
  if (limits.data === undefined)
    return (
      <section className="panel" aria-label={t`Limits`}>
        {limits.isError ? (
          <Failed error={limits.error} onRetry={() => void limits.refetch()} />
        ) : (
          <Loading what={t`the limits`} />
        )}
      </section>
    );
  const shared = { queue, limits: limits.data.limits, onAsk: setAsked };
  return (
    <>
      <LimitsPanel view={limits.data} />
      <TypesPanel view={limits.data} />
      <SharedLimitsPanel view={limits.data} />
      <KeySearch value={key} />
      <section className="panel" aria-label={t`Keys`}>
        {key === "" ? <AllKeys {...shared} /> : <OneKey {...shared} name={key} />}
      </section>
      {asked === null ? null : (
        <KeyDialog queue={queue} limits={limits.data.limits} asked={asked} onClose={() => setAsked(null)} />
      )}
    </>
  );
}

/** A field to find one key. Its text is used without changes, because a key may begin or end with a blank. */
function KeySearch({ value }: { value: string }) {
  const navigate = route.useNavigate();
  const key = useDraft(value);
  const [error, setError] = useState<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs with each new key in the address
  useEffect(() => setError(null), [value]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.text !== "" && !isTaskKey(key.text)) {
      setError("A key is text of at most 128 bytes.");
      return;
    }
    setError(null);
    key.send(key.text);
    void navigate({ search: key.text === "" ? {} : { key: key.text } });
  };
  return (
    <div>
      <form className="filters" role="search" onSubmit={submit}>
        <label className="search-field">
          <Search size={14} aria-hidden="true" />
          <span className="visually-hidden">{t`Find one key by its exact text`}</span>
          <input
            className="input"
            type="search"
            data-search=""
            dir="auto"
            placeholder={t`Key, exact`}
            aria-invalid={error !== null}
            aria-describedby={error === null ? undefined : "key-search-error"}
            value={key.text}
            onChange={(event) => key.type(event.target.value)}
          />
        </label>
        <Button type="submit">{t`Find key`}</Button>
        {value === "" ? null : (
          <Button look="quiet" onPress={() => void navigate({ search: {} })}>
            {t`All keys`}
          </Button>
        )}
      </form>
      {error === null ? null : (
        <p className="error-text" role="alert" id="key-search-error">
          {error}
        </p>
      )}
    </div>
  );
}

interface KeysProps {
  queue: string;
  limits: QueueLimits;
  onAsk(asked: AskedKey): void;
}

const ORDERS = [
  { value: "name", text: () => t`By name` },
  { value: "waiting", text: () => t({ message: "Most waiting", context: "order" }) },
  { value: "running", text: () => t`Most running` },
  { value: "heldUntil", text: () => t`Held longest` },
] as const;

type Order = (typeof ORDERS)[number]["value"];

function AllKeys(props: KeysProps) {
  const [order, setOrder] = useState<Order>("name");
  return (
    <>
      <div className="panel-head">
        <h2>{t`Keys`}</h2>
        <Segments<Order>
          label={t`Order of the keys`}
          value={order}
          options={ORDERS.map(({ value, text }) => ({ value, text: text() }))}
          onChange={setOrder}
        />
      </div>
      {order === "name" ? <KeyPages {...props} /> : <HeaviestKeys {...props} by={order} />}
    </>
  );
}

function KeyPages(props: KeysProps) {
  const { queue } = props;
  const { paused } = useLive();
  const query = useInfiniteQuery({
    ...keysQuery(queue),
    // Each refresh reads all loaded pages. So the interval is longer if there are more pages.
    refetchInterval: ({ state }) =>
      paused ? false : REFETCH_MS * Math.max(1, state.data?.pages.length ?? 1),
  });
  if (query.data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what={t`keys`} />
    );
  // The pages are read one after another, and the list can change in between. So the same key can be on two pages.
  const byKey = new Map(query.data.pages.flatMap(({ keys }) => keys).map((row) => [row.key, row]));
  const keys: TaskKeyView[] = [...byKey.values()];
  if (keys.length === 0) return <NoKeys queue={queue} />;
  return (
    <>
      <KeyTable {...props} keys={keys} />
      <div className="list-foot">
        <span role="status">
          <Plural
            value={keys.length}
            one="# key with waiting tasks loaded"
            other="# keys with waiting tasks loaded"
          />
        </span>
        <div className="actions">
          {query.hasNextPage ? (
            <Button small isDisabled={query.isFetchingNextPage} onPress={() => void query.fetchNextPage()}>
              {query.isFetchingNextPage ? t`Loading…` : t`Load more`}
            </Button>
          ) : (
            <span>{t`All shown`}</span>
          )}
        </div>
      </div>
    </>
  );
}

function OneKey({ name, ...props }: KeysProps & { name: string }) {
  const { paused } = useLive();
  const query = useQuery({
    ...oneKeyQuery(props.queue, name),
    refetchInterval: paused ? false : REFETCH_MS,
  });
  if (query.data === undefined)
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what={t`the key`} />
    );
  const { waiting, running } = query.data;
  return (
    <>
      <KeyTable {...props} keys={[query.data]} />
      {waiting + running > 0 ? null : (
        <div className="list-foot">
          <span role="status">
            <Trans>No task with this key waits or runs. You can hold or limit the key anyway.</Trans>
          </span>
        </div>
      )}
    </>
  );
}

/** Shows an explanation of keys if no task of the queue has one. */
function NoKeys({ queue }: { queue: string }) {
  const example = `holdfast enqueue ${queue} email.send '{"to":"ada@example.com"}' --key customer-42`;
  return (
    <NoneYet title={t`No keys with waiting tasks`}>
      <p>
        <Trans>
          A task may have a key, such as the customer it is for. Keys take turns, so that many tasks of one
          customer do not keep the others waiting, and a limit can hold for each key: how many of its tasks
          run at one time, and how many start in a period.
        </Trans>
      </p>
      <pre className="text-block">{example}</pre>
      <CopyButton text={example} label={t`Copy`} />
      <p>
        <Trans>
          The <a href={`${BASE_PATH}/docs`}>reference of the HTTP API</a> has the routes for limits, keys and
          holds.
        </Trans>
      </p>
    </NoneYet>
  );
}
