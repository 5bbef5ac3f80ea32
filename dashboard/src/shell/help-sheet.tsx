import { t } from "@lingui/core/macro";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Button } from "../ui/button.tsx";
import { GO_KEYS } from "./use-shortcuts.ts";

const KEYS: readonly [string[], () => string][] = [
  [["Ctrl", "K"], () => t`Find a queue, task or screen, or run a command`],
  [["j"], () => t`Next row; on a task, the next task of its list`],
  [["k"], () => t`Previous row; on a task, the previous task of its list`],
  [["x"], () => t`Select the row; Shift and click selects all rows in between`],
  [["Enter"], () => t`Open the row`],
  [["f"], () => t`Show letters on every control; type them to press it`],
  [["p"], () => t`Show the task of the row beside the list, or hide it; j and k then move through the tasks`],
  [["r"], () => t`Replay the dead letter of the row`],
  [["e"], () => t`Edit the payload of that dead letter, then replay it`],
  [["d"], () => t`Discard that dead letter; a dialog asks first`],
  [["/"], () => t`Go to the search field, or to the palette if the screen has none`],
  [["q"], () => t`Up: from a task to its list, from a list to the queues`],
  [["?"], () => t`This sheet`],
  [["Esc"], () => t`Close`],
];

export function HelpSheet({ onClose }: { onClose(): void }) {
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(open) => open || onClose()}>
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">{t`Keyboard shortcuts`}</Heading>
          <p className="small soft">{t`Shortcuts are off while a field has the focus.`}</p>
          <dl className="keys">
            {KEYS.map(([keys, text]) => (
              <Keys key={keys.join(" ")} keys={keys} text={text()} />
            ))}
            {Object.entries(GO_KEYS).map(([letter, { text }]) => (
              <Keys key={letter} keys={["g", letter]} text={text()} />
            ))}
          </dl>
          <div className="actions">
            <Button onPress={onClose}>{t`Close`}</Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Keys({ keys, text }: { keys: string[]; text: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}
