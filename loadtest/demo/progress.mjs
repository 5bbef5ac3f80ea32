// Prints the progress: on a terminal as one line that is redrawn, otherwise as one line per second.
const whole = (value) => Math.round(value).toLocaleString("en-US");

export function openProgress(total, out = process.stdout) {
  let samples = [];
  let printedAt = 0;
  return {
    show({ enqueued, stats, totals }) {
      const now = Date.now();
      samples = [...samples.filter(({ at }) => now - at < 3_000), { at: now, acked: totals.acked }];
      const [first] = samples;
      const perSecond = now > first.at ? ((totals.acked - first.acked) * 1_000) / (now - first.at) : 0;
      const left = total - totals.acked;
      const parts = [
        `ingest ${whole(enqueued)}/${whole(total)}`,
        `pending ${whole(stats.pending + stats.scheduled)}`,
        `processing ${whole(stats.processing)}`,
        `retries ${whole(totals.retried)}`,
        `dead ${whole(stats.dead)}`,
        `done ${whole(totals.acked)}`,
        `${whole(perSecond)}/s`,
        left > 0 && perSecond > 0 ? `${Math.ceil(left / perSecond)} s left` : "",
      ];
      const line = parts.filter(Boolean).join("  ");
      if (out.isTTY) out.write(`\r\u001b[K${line.slice(0, out.columns - 1)}`);
      else if (now - printedAt >= 1_000) {
        printedAt = now;
        out.write(`${line}\n`);
      }
    },
    /** Prints a line above the progress line. */
    say(text) {
      out.write(out.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`);
    },
  };
}
