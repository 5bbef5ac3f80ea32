export interface Block {
  page: string;
  /** The page and the line. */
  place: string;
  language: string;
  code: string;
  /** "run", "compiled", "checked" or "illustration". */
  fate: string | undefined;
  /** The test that runs, compiles or checks it. */
  by: string | undefined;
}

export const BLOCKS: Block[];
