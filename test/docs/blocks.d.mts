export interface Block {
  page: string;
  /** Where the block is: the page and the line. */
  place: string;
  language: string;
  code: string;
  /** What is done with the block: "run", "compiled", "checked" or "illustration". */
  fate: string | undefined;
  /** The test that runs, compiles or checks the block. */
  by: string | undefined;
}

export const BLOCKS: Block[];
