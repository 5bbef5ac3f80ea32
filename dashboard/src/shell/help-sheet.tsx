import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Button } from "../ui/button.tsx";
import { GO_KEYS } from "./use-shortcuts.ts";

const KEYS: readonly [string[], string][] = [
  [["Ctrl", "K"], "Find a queue, task or screen, or run a command"],
  [["j"], "Next row"],
  [["k"], "Row before"],
  [["x"], "Select the row; Shift and click selects all rows in between"],
  [["Enter"], "Open the row"],
  [["/"], "Go to the search field, or to the palette if the screen has none"],
  [["q"], "Up: from a task to its list, from a list to the queues"],
  [["?"], "This sheet"],
  [["Esc"], "Close"],
];

export function HelpSheet({ onClose }: { onClose(): void }) {
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(open) => open || onClose()}>
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">Keyboard shortcuts</Heading>
          <p className="small soft">Shortcuts are off while a field has the focus.</p>
          <dl className="keys">
            {KEYS.map(([keys, text]) => (
              <Keys key={text} keys={keys} text={text} />
            ))}
            {Object.entries(GO_KEYS).map(([letter, { text }]) => (
              <Keys key={letter} keys={["g", letter]} text={text} />
            ))}
          </dl>
          <div className="actions">
            <Button onPress={onClose}>Close</Button>
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
