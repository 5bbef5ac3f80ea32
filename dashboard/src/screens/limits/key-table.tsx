import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { useId } from "react";
import type { QueueLimits, TaskKeyView } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { RowButton } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { HeldBack, Until } from "./held-back.tsx";
import type { AskedKey, KeyAction } from "./key-dialog.tsx";
import { limitOfKey, limitText } from "./limit-text.ts";

interface KeyTableProps {
  queue: string;
  keys: readonly TaskKeyView[];
  limits: QueueLimits;
  onAsk(asked: AskedKey): void;
}

export function KeyTable({ keys, ...rest }: KeyTableProps) {
  return (
    <div className="grid-table task-keys" role="table" aria-label={t`Keys`}>
      <GridHead
        columns={[t`Key`, t`Waiting`, t`Running`, t`What holds it back`, t`Own limit`]}
        numbers={[t`Waiting`, t`Running`]}
      />
      <div role="rowgroup" className="grid-body">
        {keys.map((row) => (
          <KeyRow key={row.key} row={row} {...rest} />
        ))}
      </div>
    </div>
  );
}

type KeyRowProps = Omit<KeyTableProps, "keys"> & { row: TaskKeyView };

function KeyRow(props: KeyRowProps) {
  const { row, limits } = props;
  const limit = limitOfKey(row, limits);
  const name = useId();
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide mono key-text" role="cell" id={name}>
        <ForeignText text={row.key} />
      </div>
      <div className="cell cell-half num" role="cell">
        <span className="label">{t`Waiting`}</span>
        {count(row.waiting)}
      </div>
      <div className="cell cell-half num" role="cell">
        <span className="label">{t`Running`}</span>
        {count(row.running)}
        {limit?.concurrency === undefined ? null : (
          <span className="soft">
            <Trans> of {count(limit.concurrency)}</Trans>
          </span>
        )}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`What holds it back`}</span>
        <HeldBack view={row} limit={limit} />
        {row.blockedBy === "stopped" ? (
          <p className="hint">
            <Trans>
              Replay its{" "}
              <Link to="/queues/$queue/dead-letters" params={{ queue: props.queue }}>
                dead letter
              </Link>
              , or end its hold and continue without it.
            </Trans>
          </p>
        ) : null}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Own limit`}</span>
        {row.limit === null ? (
          <span className="soft">{t`none`}</span>
        ) : (
          <>
            {limitText(row.limit)}
            {row.limitUntil === null ? null : (
              <Trans>
                , until <Until at={row.limitUntil} />
              </Trans>
            )}
          </>
        )}
      </div>
      <div className="cell cell-wide actions" role="cell">
        <KeyActions {...props} name={name} />
      </div>
    </div>
  );
}

function KeyActions({ queue, row, name, onAsk }: KeyRowProps & { name: string }) {
  const { denied } = useSession();
  const [mayHold, mayLimit] = [denied("control", queue), denied("admin", queue)];
  const button = (text: string, action: KeyAction, why: string | null) => (
    <RowButton denied={why} describedBy={name} onPress={() => onAsk({ action, row })}>
      {text}
    </RowButton>
  );
  return (
    <>
      {row.heldUntil === null && row.blockedBy !== "stopped"
        ? button(t`Hold`, "hold", mayHold)
        : button(t`End hold`, "end hold", mayHold)}
      {button(row.limit === null ? t`Own limit` : t`Change limit`, "limit", mayLimit)}
      {row.limit === null ? null : button(t`Take limit away`, "take limit away", mayLimit)}
    </>
  );
}
