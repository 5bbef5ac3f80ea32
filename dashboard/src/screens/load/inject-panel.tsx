import { isTaskType, type Priority } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { injectTask } from "../../api/tasks.ts";
import { useLive } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { PriorityField } from "../../ui/priority-field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { delayError, payloadError } from "../task-fields.ts";

export function InjectPanel({ queue }: { queue: string | null }) {
  const { figures } = useLive();
  const { say, fail } = useToasts();
  const { denied, session } = useSession();
  // In an installation with real tasks the fields start empty. If they contained a demo task, one click would enqueue
  // it.
  const [type, setType] = useState(session.demoLoad ? "demo.echo" : "");
  const [payloadText, setPayloadText] = useState(session.demoLoad ? '{\n  "hello": "world"\n}' : "");
  const [priority, setPriority] = useState<Priority>("normal");
  const [delay, setDelay] = useState("");
  const [busy, setBusy] = useState(false);
  const [last, setLast] = useState<{ queue: string; id: string } | null>(null);
  const errors = {
    type: isTaskType(type)
      ? null
      : "Begin with a letter or digit; then letters, digits and _ . : / - are allowed, at most 128 characters.",
    payload: payloadError(payloadText),
    delay: delayError(delay),
  };
  const types = [...new Set((figures.workers ?? []).flatMap((worker) => worker.types))]
    .filter(isTaskType)
    .sort();
  const refused = queue === null || Object.values(errors).some((error) => error !== null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (refused || queue === null) return;
    setBusy(true);
    try {
      const { id } = await injectTask(queue, {
        type,
        payloadText,
        priority,
        ...(delay.trim() === "" ? {} : { delayMs: Math.round(Number(delay) * 1_000) }),
      });
      setLast({ queue, id });
      say(
        () => t`Task injected`,
        () => id,
      );
    } catch (error) {
      fail(() => t`The task was not injected`, error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section className="panel" aria-label={t`Inject a task`}>
      <div className="panel-head">
        <h2>{t`Inject a task`}</h2>
      </div>
      <form className="panel-body form" onSubmit={(event) => void submit(event)}>
        <TextField
          label={t`Type`}
          value={type}
          onChange={setType}
          mono
          error={type === "" ? null : errors.type}
          list="known-types"
        />
        <datalist id="known-types">
          {types.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <TextField
          label={t`Payload`}
          hint={t`JSON, sent and stored character for character.`}
          value={payloadText}
          onChange={setPayloadText}
          rows={7}
          error={payloadText === "" ? null : errors.payload}
        />
        <div className="form-row">
          <PriorityField value={priority} onChange={setPriority} />
          <TextField
            label={t`Delay in seconds`}
            placeholder="0"
            value={delay}
            onChange={setDelay}
            error={errors.delay}
            inputMode="numeric"
          />
        </div>
        <div className="actions">
          <Button
            type="submit"
            look="primary"
            denied={denied("enqueue", queue ?? undefined)}
            isDisabled={busy || refused}
          >
            {t`Inject task`}
          </Button>
          {last === null ? null : (
            <span className="small soft">
              <Trans>
                Last:{" "}
                <Link className="mono" to="/queues/$queue/tasks/$id" params={last}>
                  {last.id}
                </Link>
              </Trans>
            </span>
          )}
        </div>
      </form>
    </section>
  );
}
