import { useState } from "react";
import { readPreference, writePreference } from "../../preferences.ts";
import { COLUMN_IDS, type ColumnId } from "./columns.tsx";

/** Stores in this browser which columns the user chose for a list. */
export function useColumns(list: string, standard: readonly ColumnId[]) {
  const name = `columns.${list}`;
  const [chosen, setChosen] = useState(() => {
    const names = (readPreference(name) ?? "").split(",");
    const known = COLUMN_IDS.filter((id) => names.includes(id));
    return known.length === 0 ? standard : known;
  });
  return {
    chosen,
    choose: (ids: readonly ColumnId[]) => {
      const next = ids.length === 0 ? standard : COLUMN_IDS.filter((id) => ids.includes(id));
      writePreference(name, next.join(","));
      setChosen(next);
    },
  };
}
