import { t } from "@lingui/core/macro";
import { type KeyboardEvent, useId, useState } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { type Command, usePaletteCommands } from "./palette-commands.ts";

/**
 * Finds queues, tasks, screens and commands. Its code is part of the first load, and it gets the focus within the key
 * event that opens it. So none of the keys that follow is lost.
 */
export function Palette({ onClose, onHelp }: { onClose(): void; onHelp(): void }) {
  const [query, setQuery] = useState("");
  const [marked, setMarked] = useState(0);
  const commands = usePaletteCommands(query, onHelp);
  const listId = useId();
  const optionId = (index: number) => `${listId}-${index}`;
  const at = Math.min(marked, commands.length - 1);
  const mark = (index: number) => {
    setMarked(index);
    document.getElementById(optionId(index))?.scrollIntoView({ block: "nearest" });
  };
  const act = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes a character, the arrow keys choose one of its proposals.
    if (event.nativeEvent.isComposing) return;
    const { key } = event;
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    if (key !== "Escape" && (commands.length === 0 || (key !== "Enter" && step === 0))) return;
    event.preventDefault();
    event.stopPropagation();
    if (key === "Escape") onClose();
    else if (key === "Enter") act(commands[at]);
    else mark((at + step + commands.length) % commands.length);
  };
  return (
    <ModalOverlay
      className="overlay overlay-top"
      isOpen
      isDismissable
      onOpenChange={(open) => open || onClose()}
    >
      <Modal className="modal palette">
        <Dialog aria-label={t`Search and commands`}>
          <input
            className="palette-input"
            type="text"
            role="combobox"
            aria-label={t`Queue, task id, screen or command`}
            aria-autocomplete="list"
            aria-expanded={commands.length > 0}
            aria-controls={listId}
            aria-activedescendant={commands.length === 0 ? undefined : optionId(at)}
            placeholder={t`Queue, task id, screen or command`}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            value={query}
            onChange={(event) => {
              setQuery(event.target.value);
              setMarked(0);
            }}
            onKeyDown={onKeyDown}
          />
          {commands.length === 0 ? (
            <p className="palette-none" role="status">
              {t`Nothing matches.`}
            </p>
          ) : null}
          <div className="palette-list" id={listId} role="listbox" aria-label={t`Results`}>
            {commands.map((command, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus
              <div
                key={command.id}
                id={optionId(index)}
                role="option"
                aria-selected={index === at}
                className="palette-item"
                onPointerMove={() => setMarked(index)}
                onClick={() => act(command)}
              >
                <span className="clip">{command.text}</span>
                <span className="hint">{command.hint}</span>
              </div>
            ))}
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
