import { powerCutRow } from "../harness/power-cut.mjs";

export const row = powerCutRow(11, "always", 0, "fsynced");
