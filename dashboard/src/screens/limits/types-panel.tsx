import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Tags } from "lucide-react";
import { useId, useState } from "react";
import type { LimitsView, TaskTypeView, TypeLimit } from "../../api/limits.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button, RowButton } from "../../ui/button.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { HeldBack } from "./held-back.tsx";
import { HoldDialog } from "./hold-dialog.tsx";
import { limitText } from "./limit-text.ts";
import { TypeLimitDialog } from "./type-limit-dialog.tsx";

type Asked = { action: "limit"; type: string | null } | { action: "hold" | "end hold"; type: string };

/** Shows the limits of the types of a queue. */
export function TypesPanel({ view }: { view: LimitsView }) {
  const { queue, limits, types } = view;
  const { denied } = useSession();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  return (
    <section className="panel" aria-label={t`Limits of types`}>
      <div className="panel-head">
        <h2>{t`Types`}</h2>
        <div className="actions">
          <Button
            small
            denied={denied("admin", queue)}
            onPress={() => setAsked({ action: "limit", type: null })}
          >
            <Tags size={13} aria-hidden="true" />
            {t`Limit a type`}
          </Button>
        </div>
      </div>
      {types.length === 0 ? (
        <p className="panel-body hint">
          <Trans>
            No type has a limit. The limit of a type applies to all of its tasks together, whatever their
            keys. Use it, for example, for heavy tasks among light ones.
          </Trans>
        </p>
      ) : (
        <div className="grid-table shared-limits" role="table" aria-label={t`Limits of types`}>
          <GridHead columns={[t`Type`, t`Limit`, t`Running`, t`What holds it back`]} />
          <div role="rowgroup" className="grid-body">
            {types.map((row) => (
              <TypeRow
                key={row.type}
                queue={queue}
                row={row}
                limit={limits.types?.[row.type]}
                onAsk={setAsked}
              />
            ))}
          </div>
        </div>
      )}
      {asked === null ? null : asked.action === "limit" ? (
        <TypeLimitDialog queue={queue} limits={limits} type={asked.type} onClose={close} />
      ) : (
        <HoldDialog
          queue={queue}
          of={{ type: asked.type }}
          held={asked.action === "end hold"}
          onClose={close}
        />
      )}
    </section>
  );
}

interface TypeRowProps {
  queue: string;
  row: TaskTypeView;
  limit: TypeLimit | undefined;
  onAsk(asked: Asked): void;
}

function TypeRow({ queue, row, limit, onAsk }: TypeRowProps) {
  const { denied } = useSession();
  const name = useId();
  const { type, running, heldUntil } = row;
  const action = heldUntil === null ? "hold" : "end hold";
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide mono" role="cell" id={name}>
        {type}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Limit`}</span>
        {limitText(limit ?? {})}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Running`}</span>
        {count(running)}
      </div>
      <div className="cell cell-wide" role="cell">
        <span className="label">{t`What holds it back`}</span>
        <span>
          <HeldBack view={row} limit={limit} />
        </span>
      </div>
      <div className="cell cell-wide actions" role="cell">
        <RowButton
          denied={denied("admin", queue)}
          describedBy={name}
          onPress={() => onAsk({ action: "limit", type })}
        >
          {t`Change`}
        </RowButton>
        <RowButton
          denied={denied("control", queue)}
          describedBy={name}
          onPress={() => onAsk({ action, type })}
        >
          {action === "hold" ? t`Hold` : t`End hold`}
        </RowButton>
      </div>
    </div>
  );
}
