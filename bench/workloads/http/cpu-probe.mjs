// Each server loads this file. It reports the CPU time of the server process on request, µs.
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.channel?.unref();
