import { plural, t } from "@lingui/core/macro";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";
import { isContainer, type JsonNode, openAtFirst, pathOf, visibleNodes } from "../format/json-tree.ts";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { ForeignText } from "./foreign-text.tsx";

const ROW_HEIGHT = 24;
const MOST_HEIGHT = 480;
const OPEN_AT_FIRST = 60;
/** The most characters of a value in its row. The foot of the tree shows the whole value of the chosen row. */
const SHOWN_CHARACTERS = 200;

interface JsonTreeProps {
  label: string;
  /** The name of the whole value in paths, such as `payload`. */
  name: string;
  text: string;
  root: JsonNode;
}

/** Shows a JSON text as a tree, with the exact characters of each value. Only the visible rows are drawn. */
export function JsonTree({ label, name, text, root }: JsonTreeProps) {
  const [open, setOpen] = useState<ReadonlySet<JsonNode>>(() => openAtFirst(root, OPEN_AT_FIRST));
  const [chosen, setChosen] = useState<JsonNode>(root);
  const rows = useMemo(() => visibleNodes(root, (node) => open.has(node)), [root, open]);
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    useFlushSync: false,
    initialRect: { width: 1_000, height: MOST_HEIGHT },
  });
  const at = rows.indexOf(chosen);
  const choose = (node: JsonNode | undefined) => {
    if (node === undefined) return;
    setChosen(node);
    const row = rows.indexOf(node);
    if (row !== -1) virtualizer.scrollToIndex(row, { align: "auto" });
  };
  const setIsOpen = (node: JsonNode, isOpen: boolean) =>
    setOpen((known) => {
      const next = new Set(known);
      if (isOpen) next.add(node);
      else next.delete(node);
      return next;
    });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const canOpen = chosen.children.length > 0;
    const isOpen = open.has(chosen);
    if (event.key === "ArrowDown") choose(rows[at + 1]);
    else if (event.key === "ArrowUp") choose(rows[at - 1]);
    else if (event.key === "Home") choose(rows[0]);
    else if (event.key === "End") choose(rows.at(-1));
    else if (event.key === "ArrowRight" && canOpen) {
      if (isOpen) choose(chosen.children[0]);
      else setIsOpen(chosen, true);
    } else if (event.key === "ArrowLeft") {
      if (canOpen && isOpen) setIsOpen(chosen, false);
      else choose(chosen.parent ?? undefined);
    } else if ((event.key === "Enter" || event.key === " ") && canOpen) setIsOpen(chosen, !isOpen);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div
        className="tree"
        role="tree"
        aria-label={label}
        tabIndex={0}
        ref={scroller}
        aria-activedescendant={at === -1 ? undefined : `${id}${at}`}
        onKeyDown={onKeyDown}
        style={{ height: Math.min(rows.length * ROW_HEIGHT, MOST_HEIGHT) }}
      >
        <div className="virtual" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const node = rows[index];
            if (node === undefined) return null;
            const canOpen = node.children.length > 0;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys of all rows
              <div
                key={node.start}
                id={`${id}${index}`}
                role="treeitem"
                tabIndex={-1}
                className="tree-row"
                aria-level={node.depth + 1}
                aria-posinset={node.place + 1}
                aria-setsize={node.parent?.children.length ?? 1}
                aria-selected={node === chosen}
                aria-expanded={canOpen ? open.has(node) : undefined}
                style={{ transform: `translateY(${start}px)`, paddingLeft: `${0.4 + node.depth * 1.1}rem` }}
                onClick={() => {
                  setChosen(node);
                  if (canOpen) setIsOpen(node, !open.has(node));
                  scroller.current?.focus({ preventScroll: true });
                }}
              >
                <Row node={node} text={text} name={name} isOpen={open.has(node)} />
              </div>
            );
          })}
        </div>
      </div>
      <Foot node={chosen} text={text} name={name}>
        {rows.length > 1 || root.children.length > 0 ? (
          <>
            <Button small look="quiet" onPress={() => setOpen(allOf(root))}>
              {t`Open all`}
            </Button>
            <Button small look="quiet" onPress={() => setOpen(new Set([root]))}>
              {t`Close all`}
            </Button>
          </>
        ) : null}
      </Foot>
    </>
  );
}

function allOf(root: JsonNode): Set<JsonNode> {
  return new Set(visibleNodes(root, () => true).filter(({ children }) => children.length > 0));
}

function Row({ node, text, name, isOpen }: { node: JsonNode; text: string; name: string; isOpen: boolean }) {
  const Icon = isOpen ? ChevronDown : ChevronRight;
  return (
    <>
      <span className="tree-mark">
        {node.children.length > 0 ? <Icon size={13} aria-hidden="true" /> : null}
      </span>
      <span className="tree-name" data-item={node.name === null ? "" : undefined}>
        <ForeignText text={node.parent === null ? name : (node.name ?? String(node.place))} />
      </span>
      {isContainer(node) ? (
        <span className="soft">{sizeOf(node)}</span>
      ) : (
        <span className={`tree-value tree-${node.kind}`}>
          <ForeignText text={text.slice(node.start, Math.min(node.end, node.start + SHOWN_CHARACTERS))} />
          {node.end - node.start > SHOWN_CHARACTERS ? <span className="soft">…</span> : null}
        </span>
      )}
    </>
  );
}

const sizeOf = ({ kind, children }: JsonNode): string =>
  kind === "object"
    ? `{ ${plural(children.length, { one: "# field", other: "# fields" })} }`
    : `[ ${plural(children.length, { one: "# item", other: "# items" })} ]`;

/** Shows the path of the chosen value. If the row does not show the whole value, it is shown here. */
function Foot(props: { node: JsonNode; text: string; name: string; children: React.ReactNode }) {
  const { node, text, name, children } = props;
  const path = pathOf(node, name);
  const isCut = !isContainer(node) && node.end - node.start > SHOWN_CHARACTERS;
  return (
    <div className="tree-foot">
      <code className="tree-path">
        <ForeignText text={path} />
      </code>
      <div className="actions">
        <CopyButton text={path} label={t`Copy path`} />
        <CopyButton text={text.slice(node.start, node.end)} label={t`Copy value`} />
        {children}
      </div>
      {isCut ? (
        <pre className="text-block" tabIndex={0}>
          <ForeignText text={text.slice(node.start, node.end)} />
        </pre>
      ) : null}
    </div>
  );
}
