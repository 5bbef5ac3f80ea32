import { t } from "@lingui/core/macro";
import { defaultParseSearch, useLocation, useNavigate } from "@tanstack/react-router";
import { Bookmark } from "lucide-react";
import { useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Button } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { readViews, renamed, type SavedView, withView, writeViews } from "./views.ts";

/** Opens, saves, renames and deletes saved views. To share a view, a user sends its address. */
export function SavedViews() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button small onPress={() => setOpen(true)}>
        <Bookmark size={13} aria-hidden="true" />
        {t`Views`}
      </Button>
      {open ? <ViewsDialog onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function ViewsDialog({ onClose }: { onClose(): void }) {
  const navigate = useNavigate();
  const href = useLocation({ select: ({ pathname, searchStr }) => pathname + searchStr });
  const [views, setViews] = useState(readViews);
  const [name, setName] = useState("");
  const keep = (next: SavedView[]) => {
    writeViews(next);
    setViews(next);
  };
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(isOpen) => isOpen || onClose()}>
      <Modal className="modal modal-form">
        <Dialog className="dialog">
          <Heading slot="title">{t`Saved views`}</Heading>
          <p className="small soft">
            {t`Views are kept in this browser. To share one, open it and copy the address of the page.`}
          </p>
          <form
            className="form"
            onSubmit={(event) => {
              event.preventDefault();
              if (name.trim() === "") return;
              keep(withView(views, { name: name.trim(), href }));
              setName("");
            }}
          >
            <TextField label={t`Save this list as`} value={name} onChange={setName} autoFocus />
            <div className="actions">
              <Button type="submit" look="primary" isDisabled={name.trim() === ""}>
                {t`Save view`}
              </Button>
            </div>
          </form>
          {views.length === 0 ? <p className="hint">{t`No views yet.`}</p> : null}
          <ul className="views" aria-label={t`Views`}>
            {views.map((view) => (
              <ViewRow
                key={view.name}
                view={view}
                onOpen={() => {
                  onClose();
                  const [to = "/", search = ""] = view.href.split("?", 2);
                  void navigate({ to, search: defaultParseSearch(search) as never });
                }}
                onRename={(to) => keep(renamed(views, view.name, to))}
                onDelete={() => keep(views.filter(({ name: other }) => other !== view.name))}
              />
            ))}
          </ul>
          <div className="actions">
            <Button onPress={onClose}>{t`Close`}</Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function shownHref(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}

interface ViewRowProps {
  view: SavedView;
  onOpen(): void;
  onRename(name: string): void;
  onDelete(): void;
}

function ViewRow({ view, onOpen, onRename, onDelete }: ViewRowProps) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null) {
    return (
      <li>
        <form
          className="view"
          onSubmit={(event) => {
            event.preventDefault();
            if (draft.trim() !== "") onRename(draft.trim());
            setDraft(null);
          }}
        >
          <TextField label={t`New name of ${view.name}`} value={draft} onChange={setDraft} autoFocus />
          <Button small type="submit">
            {t`Rename`}
          </Button>
        </form>
      </li>
    );
  }
  return (
    <li className="view">
      <Button look="quiet" onPress={onOpen}>
        <ForeignText text={view.name} />
      </Button>
      <span className="hint mono clip">
        <ForeignText text={shownHref(view.href)} />
      </span>
      <div className="actions">
        <Button small aria-label={t`Rename ${view.name}`} onPress={() => setDraft(view.name)}>
          {t`Rename`}
        </Button>
        <Button small look="danger" aria-label={t`Delete ${view.name}`} onPress={onDelete}>
          {t`Delete`}
        </Button>
      </div>
    </li>
  );
}
