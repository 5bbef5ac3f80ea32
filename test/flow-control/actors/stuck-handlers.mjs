/** Handlers that ignore the end of their time, so that their process has to be killed. */
export const handlers = {
  stuck: () => {
    for (;;);
  },
};
