import { LIMITS, type TaskView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { type FormEvent, useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import type { DeadLetterTarget, ReplayOptions } from "../../api/dead-letters.ts";
import { toApiError } from "../../api/errors.ts";
import { Button } from "../../ui/button.tsx";
import { LabelledCheckbox } from "../../ui/checkbox.tsx";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { QueueField, queueNameError } from "../../ui/queue-field.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { payloadError } from "../task-fields.ts";
import { PayloadChanges } from "../tasks/payload-changes.tsx";
import { useTargetSize } from "./use-target-size.ts";

// The editor is larger than the rest of the page, so its code is loaded only when a payload is edited.
const PayloadDiff = lazyPart(
  async () => (await import("./payload-diff.tsx")).PayloadDiff,
  () => t`the editor`,
  () => <div className="diff diff-place" aria-busy="true" />,
);

const CANARY_SIZE = 5;

interface ReplayDialogProps {
  queue: string;
  target: DeadLetterTarget;
  what: string;
  /** The one task to replay, whose payload can be edited; null for several tasks. */
  task: TaskView | null;
  onReplay(options: ReplayOptions): Promise<void>;
  onClose(): void;
}

export function ReplayDialog({ queue, target, what, task, onReplay, onClose }: ReplayDialogProps) {
  const { size, problem, recount } = useTargetSize(queue, target);
  const [payloadText, setPayloadText] = useState(task?.payloadText ?? "");
  const [to, setTo] = useState("");
  const [rate, setRate] = useState("");
  const [canary, setCanary] = useState(false);
  const [canarySize, setCanarySize] = useState(String(CANARY_SIZE));
  const [force, setForce] = useState(false);
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  const edited = task !== null && payloadText !== task.payloadText;
  const many = (size ?? 0) > 1;
  // If the ids do not fit into one request, several requests are sent. A rate or a canary (a trial with a few tasks)
  // cannot be split over several requests.
  const paced = many && !("ids" in target && target.ids.length > LIMITS.batchTasks);
  const phrase = size === null ? null : confirmationPhrase("replay", size);
  const errors = {
    to: to === "" ? null : queueNameError(to),
    rate: numberError(rate, 100_000),
    canary: canary ? (canarySize.trim() === "" ? t`How many?` : numberError(canarySize, 100)) : null,
    payload: edited ? payloadError(payloadText) : null,
  };
  const ready =
    !busy &&
    size !== null &&
    size > 0 &&
    Object.values(errors).every((error) => error === null) &&
    (phrase === null || typed.trim() === phrase);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setBusy(true);
    setFailure(null);
    try {
      await onReplay({
        ...(to === "" || to === queue ? {} : { to }),
        ...(rate.trim() === "" || !paced ? {} : { ratePerSecond: Number(rate) }),
        ...(canary && paced ? { canary: { size: Number(canarySize) } } : {}),
        ...(force ? { force } : {}),
        ...(edited ? { patch: { payloadText } } : {}),
        ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
      });
      onClose();
    } catch (error) {
      const { detail, remedy } = toApiError(error);
      setFailure(remedy === null ? detail : `${detail} ${remedy}`);
      setBusy(false);
    }
  };

  return (
    <ModalOverlay className="overlay" isOpen isDismissable={!busy} onOpenChange={(open) => open || onClose()}>
      <Modal className={task === null ? "modal" : "modal modal-wide"}>
        <Dialog role="alertdialog" className="dialog">
          <Heading slot="title">
            {size === null
              ? t`Replay dead letters`
              : plural(size, { one: "Replay # dead letter", other: "Replay # dead letters" })}
          </Heading>
          <form className="form" onSubmit={(event) => void submit(event)}>
            <div className="summary">
              <p>
                {problem ??
                  (size === null
                    ? t`Counting ${what} of ${queue}…`
                    : t`${what === "all" ? t`All of ${queue}` : what}. Attempts start at zero; the history stays.`)}
              </p>
              {"ids" in target ? null : (
                <Button small look="quiet" onPress={recount}>
                  {t`Count again`}
                </Button>
              )}
            </div>
            {task === null ? null : (
              <div className="field">
                <span>{t`Payload, before and after`}</span>
                <PayloadDiff before={task.payloadText} after={payloadText} onChange={setPayloadText} />
                <PayloadChanges before={task.payloadText} after={payloadText} />
                {errors.payload === null ? (
                  <span className="hint" role="status">
                    {edited
                      ? t`Changed. The new payload is sent exactly as typed.`
                      : t`Not changed. Edit the right side.`}
                  </span>
                ) : (
                  <span className="error-text" role="alert">
                    {errors.payload}
                  </span>
                )}
              </div>
            )}
            <div className="form-row">
              <QueueField
                label={t`Into queue`}
                placeholder={queue}
                hint={
                  to !== "" && to !== queue
                    ? t`Each task gets a new id that is linked to the old one.`
                    : t`Leave empty to replay into the same queue.`
                }
                value={to}
                onChange={setTo}
                maker={t`the replay`}
              />
              {paced ? (
                <TextField
                  label={t`Tasks per second, at most`}
                  placeholder={t`no limit`}
                  value={rate}
                  onChange={setRate}
                  error={errors.rate}
                  inputMode="numeric"
                />
              ) : null}
            </div>
            {paced ? (
              <div className="form-row">
                <LabelledCheckbox isSelected={canary} onChange={setCanary}>
                  {t`Canary: replay a few first, and continue only if all of them complete`}
                </LabelledCheckbox>
                {canary ? (
                  <TextField
                    label={t`How many first`}
                    value={canarySize}
                    onChange={setCanarySize}
                    error={errors.canary}
                    inputMode="numeric"
                  />
                ) : null}
              </div>
            ) : null}
            <div className="field">
              <LabelledCheckbox isSelected={force} onChange={setForce}>
                {t`Also tasks whose unique key another task holds`}
              </LabelledCheckbox>
              <span className="hint">{t`They run beside that task and do not take the key.`}</span>
            </div>
            <ReasonField value={reason} onChange={setReason} />
            {phrase === null ? null : (
              <TextField
                label={t`Confirmation`}
                hint={
                  <Trans>
                    Type <strong className="mono">{phrase}</strong> to continue.
                  </Trans>
                }
                value={typed}
                onChange={setTyped}
                mono
              />
            )}
            {failure === null ? null : (
              <p className="error-text" role="alert">
                {failure}
              </p>
            )}
            <div className="actions">
              <Button onPress={onClose} isDisabled={busy}>
                {t`Keep as it is`}
              </Button>
              <Button type="submit" look="primary" isDisabled={!ready}>
                {busy ? t`Working…` : edited ? t`Replay edited` : t`Replay`}
              </Button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function numberError(text: string, most: number): string | null {
  if (text.trim() === "") return null;
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= most ? null : t`A whole number from 1 to ${most}.`;
}
