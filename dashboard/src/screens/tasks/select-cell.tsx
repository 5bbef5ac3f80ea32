import { useRef } from "react";
import { Checkbox } from "../../ui/checkbox.tsx";
import type { Selection } from "./use-selection.ts";

/** The checkbox of a row. With Shift it takes all rows since the last one along. */
export function SelectCell({ id, index, selection }: { id: string; index: number; selection: Selection }) {
  const shift = useRef(false);
  return (
    <div
      className="cell cell-check"
      role="cell"
      onPointerDownCapture={(event) => {
        shift.current = event.shiftKey;
      }}
      onKeyDownCapture={(event) => {
        shift.current = event.shiftKey;
      }}
    >
      <Checkbox
        label={`Select ${id}`}
        isSelected={selection.has(id)}
        onChange={() => selection.toggle(index, shift.current)}
      />
    </div>
  );
}

export function SelectAllCell({ selection }: { selection: Selection }) {
  return (
    <div role="columnheader" className="cell cell-check">
      <Checkbox
        label="Select all loaded"
        isSelected={selection.everything || selection.all}
        isIndeterminate={!selection.everything && !selection.all && selection.any}
        onChange={selection.chooseLoaded}
      />
    </div>
  );
}
