import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Share2 } from "lucide-react";
import { useId, useState } from "react";
import type { LimitsView, SharedLimitView } from "../../api/limits.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button, RowButton } from "../../ui/button.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { limitText, shareText } from "./limit-text.ts";
import { EndSharedLimitDialog, SharedLimitDialog } from "./shared-limit-dialog.tsx";

type Asked = { action: "new" } | { action: "change" | "end"; shared: SharedLimitView };

/** Shows the limits that the queue shares with other queues. */
export function SharedLimitsPanel({ view: { queue, shared } }: { view: LimitsView }) {
  const { denied } = useSession();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  return (
    <section className="panel" aria-label={t`Limits shared with other queues`}>
      <div className="panel-head">
        <h2>{t`Shared with other queues`}</h2>
        <div className="actions">
          <Button small denied={denied("admin", queue)} onPress={() => setAsked({ action: "new" })}>
            <Share2 size={13} aria-hidden="true" />
            {t`Share a limit`}
          </Button>
        </div>
      </div>
      {shared.length === 0 ? (
        <p className="panel-body hint">
          <Trans>
            None. A limit can hold for several queues together, such as the connections that one database
            allows.
          </Trans>
        </p>
      ) : (
        <SharedLimitTable queue={queue} shared={shared} onAsk={setAsked} />
      )}
      {asked === null ? null : asked.action === "end" ? (
        <EndSharedLimitDialog queue={queue} shared={asked.shared} onClose={close} />
      ) : (
        <SharedLimitDialog
          queue={queue}
          shared={asked.action === "change" ? asked.shared : null}
          onClose={close}
        />
      )}
    </section>
  );
}

interface SharedLimitTableProps {
  queue: string;
  shared: readonly SharedLimitView[];
  onAsk(asked: Asked): void;
}

function SharedLimitTable({ shared, ...rest }: SharedLimitTableProps) {
  return (
    <div className="grid-table shared-limits" role="table" aria-label={t`Limits shared with other queues`}>
      <GridHead columns={[t`Name`, t`Whole limit`, t`This queue now`, t`Queues`]} />
      <div role="rowgroup" className="grid-body">
        {shared.map((limit) => (
          <SharedLimitRow key={limit.name} shared={limit} {...rest} />
        ))}
      </div>
    </div>
  );
}

type SharedLimitRowProps = Omit<SharedLimitTableProps, "shared"> & { shared: SharedLimitView };

function SharedLimitRow({ queue, shared, onAsk }: SharedLimitRowProps) {
  const { denied } = useSession();
  const name = useId();
  const mayLimit = denied("admin", queue);
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide mono" role="cell" id={name}>
        {shared.name}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Whole limit`}</span>
        {limitText(shared.limit)}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`This queue now`}</span>
        {shareText(shared, queue) ?? <span className="soft">{t`not divided yet`}</span>}
      </div>
      <div className="cell cell-wide mono" role="cell">
        <span className="label">{t`Queues`}</span>
        {shared.queues.join(", ")}
      </div>
      <div className="cell cell-wide actions" role="cell">
        <RowButton denied={mayLimit} describedBy={name} onPress={() => onAsk({ action: "change", shared })}>
          {t`Change`}
        </RowButton>
        <RowButton denied={mayLimit} describedBy={name} onPress={() => onAsk({ action: "end", shared })}>
          {t`End`}
        </RowButton>
      </div>
    </div>
  );
}
