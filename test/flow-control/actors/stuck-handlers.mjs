/** Handlers that continue after their time-out, so that their process has to be killed. */
export const handlers = {
  stuck: () => {
    for (;;);
  },
};
