/** `problem` ends the command with 1, `notice` is worth a look, `skipped` could not be checked. */
export type Verdict = "ok" | "notice" | "problem" | "skipped";

export interface Finding {
  check: string;
  verdict: Verdict;
  detail: string;
  /** The remedy, if there is one. */
  remedy: string | null;
}

export const ok = (check: string, detail: string): Finding => ({
  check,
  verdict: "ok",
  detail,
  remedy: null,
});
export const notice = (check: string, detail: string, remedy: string): Finding => ({
  check,
  verdict: "notice",
  detail,
  remedy,
});
export const problem = (check: string, detail: string, remedy: string): Finding => ({
  check,
  verdict: "problem",
  detail,
  remedy,
});
export const skipped = (check: string, detail: string): Finding => ({
  check,
  verdict: "skipped",
  detail,
  remedy: null,
});
