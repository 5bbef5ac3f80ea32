/** A `problem` makes the command exit with 1. A `notice` is less serious. A `skipped` check could not be made. */
export type Verdict = "ok" | "notice" | "problem" | "skipped";

export interface Finding {
  check: string;
  verdict: Verdict;
  detail: string;
  /** What the user should do about the finding; null if there is nothing to do. */
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
