import { isTaskKey, LIMITS, type Priority, type TaskView } from "@holdfast/contracts";
import type { ChangeBody } from "@holdfast/contracts/api";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useState } from "react";
import { changeTask } from "../../api/tasks.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { PriorityField } from "../../ui/priority-field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { delayError, payloadError } from "../task-fields.ts";
import { PayloadChanges } from "./payload-changes.tsx";

interface ChangeDialogProps {
  task: TaskView;
  onChanged(): Promise<void>;
  onClose(): void;
}

/** Changes the time, priority, key or payload of a waiting task. Sends only the values that the user changed. */
export function ChangeDialog({ task, onChanged, onClose }: ChangeDialogProps) {
  const [delay, setDelay] = useState("");
  const [priority, setPriority] = useState<Priority>(task.priority);
  const [key, setKey] = useState(task.key ?? "");
  const [payloadText, setPayloadText] = useState(task.payloadText);
  const errors = {
    delay: delayError(delay),
    key: key === "" || isTaskKey(key) ? null : `1 to ${LIMITS.keyBytes} bytes, without NUL.`,
    payload: payloadError(payloadText),
  };
  const change: ChangeBody = {
    ...(delay.trim() === "" ? {} : { delayMs: Math.round(Number(delay) * 1_000) }),
    ...(priority === task.priority ? {} : { priority }),
    ...(key === (task.key ?? "") ? {} : { key: key === "" ? null : key }),
    ...(payloadText === task.payloadText ? {} : { payloadText }),
  };
  const refused = Object.keys(change).length === 0 || Object.values(errors).some((error) => error !== null);
  return (
    <FormDialog
      title={<Trans>Change {task.id}</Trans>}
      isWide
      refused={refused}
      saveText={t`Change task`}
      save={() => changeTask(task.queue, task.id, change)}
      onSaved={onChanged}
      onClose={onClose}
    >
      <TextField
        label={t`Due in seconds`}
        hint={t`Empty: the time stays. 0: the task runs now.`}
        value={delay}
        onChange={setDelay}
        error={errors.delay}
        inputMode="numeric"
      />
      <PriorityField value={priority} onChange={setPriority} />
      <TextField
        label={t`Key`}
        hint={t`Empty for none.`}
        value={key}
        onChange={setKey}
        error={errors.key}
        mono
      />
      <TextField
        label={t`Payload`}
        hint={t`JSON, sent and stored character for character.`}
        value={payloadText}
        onChange={setPayloadText}
        rows={7}
        error={errors.payload}
      />
      <PayloadChanges before={task.payloadText} after={payloadText} />
    </FormDialog>
  );
}
