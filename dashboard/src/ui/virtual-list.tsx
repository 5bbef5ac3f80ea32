import { t } from "@lingui/core/macro";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  type KeyboardEvent,
  memo,
  type ReactNode,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useKeyedList } from "../shell/list-keys.ts";
import { useRowHeight } from "./density-choice.tsx";
import { useNarrow } from "./use-narrow.ts";

export interface RowCellsProps<T> {
  value: T;
  index: number;
  selected: boolean;
}
export type RowCells<T> = (props: RowCellsProps<T>) => ReactNode;

interface VirtualListProps<T> {
  label: string;
  /** The CSS class that sets the column widths. */
  className: string;
  head: ReactNode;
  rows: readonly T[];
  /** The height of a row on a narrow screen, where it is a card, px. */
  cardHeight: number;
  rowKey(row: T): string;
  /** Draws the cells of a row. Pass the same function each time: a new one draws all visible rows again. */
  Cells: RowCells<T>;
  /** Called when the reader comes near the end of the list. */
  onEnd(): void;
  /** Called for the key `x` with the row that the cursor is on. */
  onToggle?(row: T, index: number): void;
  /** Called for another key with the row that the cursor is on. Returns whether the key has an effect. */
  onKey?(key: string, row: T): boolean;
  /** Called when the cursor of `j` and `k` moves to a row. */
  onCursor?(row: T): void;
  /** The key of the row where `j` and `k` begin if there is no cursor yet. */
  startKey?: string | null;
  /** The column widths, if `className` does not set them. */
  columns?: string;
  /** Called when the first rows become visible (true) or are scrolled out of view (false). */
  onAtTop?(atTop: boolean): void;
  isSelected?(row: T): boolean;
}

/** Renders only the visible rows, however many there are. All rows have the same height. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { label, className, head, rows, cardHeight, rowKey, Cells, onEnd, onAtTop, isSelected } = props;
  const lineHeight = useRowHeight();
  const rowHeight = useNarrow() ? cardHeight : lineHeight;
  const { onToggle, onKey, onCursor, startKey, columns } = props;
  // The list is rendered at each step of a scroll. `memo` keeps rows that have not changed from being rendered again.
  const Row = useMemo(() => memo(Cells) as RowCells<T>, [Cells]);
  const scroller = useRef<HTMLDivElement>(null);
  // The cursor is stored as the key of its row, so it stays on its task if rows are added above.
  const [cursorKey, setCursorKey] = useState<string | null>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 5,
    // Several wheel events may come before the rows are rendered. Without flushSync, they are handled by one
    // rendering.
    useFlushSync: false,
    // The list uses this size before the first measurement, and in tests, which have no layout.
    initialRect: { width: 1_000, height: 800 },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height is what has to be measured
  useEffect(() => virtualizer.measure(), [rowHeight]);
  const items = virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - 20) onEnd();
  }, [lastShown, rows.length, onEnd]);
  const atTop = (items[0]?.index ?? 0) === 0 && (virtualizer.scrollOffset ?? 0) < rowHeight;
  useEffect(() => onAtTop?.(atTop), [atTop, onAtTop]);

  const now = { rows, cursorKey, rowKey, onToggle, onKey, onCursor, startKey, virtualizer };
  const latest = useRef(now);
  latest.current = now;
  const keys = useMemo(
    () => ({
      move: (by: 1 | -1) => {
        const { rows, cursorKey, rowKey, onCursor, startKey, virtualizer } = latest.current;
        const from = cursorKey ?? startKey;
        const at = rows.findIndex((candidate) => rowKey(candidate) === from);
        const next = at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
        const value = rows[next];
        if (value === undefined) return;
        setCursorKey(rowKey(value));
        onCursor?.(value);
        virtualizer.scrollToIndex(next, { align: "auto" });
      },
      toggle: () => {
        const { rows, cursorKey, rowKey, onToggle } = latest.current;
        const at = rows.findIndex((candidate) => rowKey(candidate) === cursorKey);
        const value = rows[at];
        if (value !== undefined) onToggle?.(value, at);
      },
      press: (key: string) => {
        const { rows, cursorKey, rowKey, onKey } = latest.current;
        const value = rows.find((candidate) => rowKey(candidate) === cursorKey);
        return value !== undefined && onKey?.(key, value) === true;
      },
    }),
    [],
  );
  useKeyedList(keys);
  useEffect(() => {
    if (cursorKey !== null)
      scroller.current?.querySelector<HTMLElement>("[data-cursor]")?.focus({ preventScroll: true });
  }, [cursorKey]);

  const openRow = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== "Enter" || event.target !== event.currentTarget) return;
    event.currentTarget.querySelector<HTMLElement>("a")?.click();
  };
  return (
    <div
      className={`grid-table ${className}`}
      {...(columns === undefined ? {} : { style: { "--columns": columns } as CSSProperties })}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
    >
      <div role="rowgroup">
        <div className="grid-row grid-head" role="row">
          {head}
        </div>
      </div>
      <div
        className="scroller"
        ref={scroller}
        role="rowgroup"
        tabIndex={0}
        aria-label={t`${label}, scrollable`}
      >
        <div className="virtual grid-body" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => {
            const value = rows[item.index];
            if (value === undefined) return null;
            const key = rowKey(value);
            const selected = isSelected?.(value) === true;
            return (
              <div
                key={key}
                className="grid-row"
                role="row"
                aria-rowindex={item.index + 2}
                tabIndex={-1}
                data-cursor={key === cursorKey ? "" : undefined}
                data-selected={selected ? "" : undefined}
                onKeyDown={openRow}
                style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              >
                <Row value={value} index={item.index} selected={selected} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
