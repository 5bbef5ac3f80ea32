/** These handlers do not stop at their time-out, so their process has to be killed. */
export const handlers = {
  stuck: () => {
    for (;;);
  },
};
